"""A teacher that also writes new questions: what it says hangs on the prompt alone."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from fake_api import Script, good_answer, schema_of

Rewriter = Callable[[str, str], Any]
_DATA = re.compile(r"<data-(\w+)>\n(.*)\n</data-\1>", re.DOTALL)


def is_rewriting(body: Mapping[str, Any]) -> bool:
    """Say whether a request wants a new question."""
    return "question" in (schema_of(body) or {}).get("properties", {})


def text_of(prompt: str) -> str:
    """Return the text that a prompt asks to rewrite."""
    found = _DATA.search(prompt)
    assert found is not None, prompt
    return str(json.loads(found[2])["question"])


def reworded(text: str, prompt: str) -> str:
    """Return the text with a word of its own for every prompt."""
    digest = hashlib.sha256(prompt.encode()).hexdigest()[:6]
    mark = "".join(chr(ord("g") + int(digit, 16)) for digit in digest)
    return f"In case {mark}: {text}"


def rewriting(rewriter: Rewriter = reworded, answer: Script = good_answer) -> Script:
    """Return a script whose rewritings `rewriter` writes, given the text and the whole prompt.

    A text is put into the JSON object that is asked for; anything else is told as it is.
    """

    def script(prompt: str, body: Mapping[str, Any], attempt: int) -> Any:
        if not is_rewriting(body):
            return answer(prompt, body, attempt)
        told = rewriter(text_of(prompt), prompt)
        return json.dumps({"question": told}) if isinstance(told, str) else told

    return script

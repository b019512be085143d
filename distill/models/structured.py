"""JSON objects as replies: asked for in words where an endpoint cannot be bound by a schema."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

# The whole reply in one fence, as models write it that are not bound by a schema.
_FENCED = re.compile(r"\A\s*```(?:json)?[ \t]*\n(.*)\n[ \t]*```\s*\Z", re.DOTALL | re.IGNORECASE)


def in_words(schema: Mapping[str, Any]) -> str:
    """Return what is added to a prompt so that the reply obeys `schema`."""
    return (
        "Answer with one JSON object and nothing else. It must obey this JSON schema:\n"
        f"{json.dumps(dict(schema), ensure_ascii=False)}"
    )


def read_object(text: str) -> dict[str, Any]:
    """Return the JSON object that a reply is, a fence around it aside.

    An object somewhere inside other text does not count: it may be a quotation of what the model
    was given to read.

    Raises:
        ValueError: the reply is no JSON object.
    """
    fenced = _FENCED.match(text)
    try:
        found = json.loads(fenced[1] if fenced else text)
    except RecursionError as error:
        raise ValueError("a JSON object nested too deep") from error
    if not isinstance(found, dict):
        raise ValueError("no JSON object")
    return found

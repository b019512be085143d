"""The chat template of any model, written out as tokens and texts.

As in `distill.models.llama.chat`, which knows one template by heart: the markers of a turn are
tokens, and the same characters quoted inside a text stay text. The template itself is code in
Jinja that came with the model, so it runs in a sandbox, as it does in transformers.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, NoReturn

from pydantic import BaseModel, ConfigDict

from distill.models.llama.chat import Piece


class TemplateError(Exception):
    """The template refuses a conversation, or cannot be read."""


class ChatSettings(BaseModel):
    """What a model's conversations are written with.

    Args:
        template: Jinja.
        controls: Ids of the tokens that only the template may write, by their text.
        end: The token that ends a reply.
        names: What the template calls some tokens: `bos_token`, `eos_token`, …
        system: System prompt of conversations that bring none, or `None`.
        opening: What stands before each question, or "".
        answer_after: Text after whose last occurrence the answer stands, or `None` where all that
            the model says is the answer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    template: str
    controls: Mapping[str, int]
    end: int
    names: Mapping[str, str]
    system: str | None
    opening: str = ""
    answer_after: str | None = None


class ChatTemplate:
    """Writes conversations.

    Args:
        settings: See `ChatSettings`.
    """

    def __init__(self, settings: ChatSettings) -> None:
        self._settings = settings
        longest_first = sorted(settings.controls, key=len, reverse=True)
        pattern = "|".join(map(re.escape, longest_first))
        self._controls = re.compile(f"({pattern})" if pattern else r"(?!)")

    @property
    def end(self) -> int:
        """The token that ends a reply."""
        return self._settings.end

    def answer(self, text: str) -> str:
        """Return the answer in what the model said."""
        after = self._settings.answer_after
        return text if after is None else text.rpartition(after)[2].strip()

    def pieces(self, system: str | None, turns: Sequence[tuple[str, str]]) -> list[Piece]:
        """Return the prompt up to where the assistant's words begin: token ids, texts between.

        Args:
            system: The system prompt; `None` takes the model's own, if any.
            turns: (role, text) in order. A last turn of the assistant's is left open, for the
                model to go on from.

        Raises:
            TemplateError: the template refuses the conversation.
        """
        mask = secrets.token_hex(8)
        opening = self._settings.system if system is None else system
        before = {"user": self._settings.opening}
        said = [(role, before.get(role, "") + text) for role, text in turns]
        told = [*([] if opening is None else [("system", opening)]), *said]
        messages = [{"role": role, "content": self._masked(text, mask)} for role, text in told]
        goes_on = turns[-1][0] == "assistant"
        text = self._render(messages, begins=not goes_on)
        if goes_on:
            last = messages[-1]["content"].strip()
            text = text[: text.rindex(last) + len(last)]
        pieces: list[Piece] = []
        for part in self._controls.split(text):
            if part in self._settings.controls:
                pieces.append(self._settings.controls[part])
            elif part:
                pieces.append(self._unmasked(part, mask))
        return pieces

    def _masked(self, text: str, mask: str) -> str:
        """Put what no user can guess in the place of quoted markers."""
        controls = list(self._settings.controls)
        return self._controls.sub(lambda found: f"{mask}:{controls.index(found[0])};", text)

    def _unmasked(self, text: str, mask: str) -> str:
        controls = list(self._settings.controls)
        return re.sub(f"{mask}:(\\d+);", lambda found: controls[int(found[1])], text)

    def _render(self, messages: list[dict[str, str]], *, begins: bool) -> str:
        import jinja2

        try:
            return str(
                self._compiled.render(
                    messages=messages, add_generation_prompt=begins, **self._settings.names
                )
            )
        except (jinja2.TemplateError, TypeError, ValueError) as error:
            raise TemplateError(f"the chat template refuses this conversation: {error}") from error

    @cached_property
    def _compiled(self) -> Any:
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        # As transformers sets it up, so that a template writes here what it wrote in training.
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.filters["tojson"] = _as_json
        environment.globals |= {"raise_exception": _refuse, "strftime_now": _now}
        return environment.from_string(self._settings.template)


def _as_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _refuse(message: str) -> NoReturn:
    import jinja2

    raise jinja2.TemplateError(message)


def _now(form: str) -> str:
    return datetime.now().astimezone().strftime(form)

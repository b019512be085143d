"""The dataset as a trainer elsewhere needs it: turns of a prompt, the answer, the rejected one.

Read from `dataset.jsonl` itself, so that what is handed over is what was exported, whatever the
format, and a dataset of any length passes through one line at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.errors import DistillError

Turn = dict[str, str]
TURN_KEYS = {"role", "content"}


class FormError(DistillError):
    """The dataset's lines are of no form that can be handed over."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """One line of the dataset.

    Args:
        prompt: Turns before the answer, the last one the user's; a system prompt comes first.
        answer: What the student is to say.
        rejected: What it is not to say, or `None` where the dataset has no pairs.
    """

    prompt: tuple[Turn, ...]
    answer: str
    rejected: str | None = None

    @property
    def messages(self) -> list[Turn]:
        """The whole conversation, the answer included."""
        return [*self.prompt, assistant(self.answer)]


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A finished dataset.

    Args:
        path: `dataset.jsonl`, in any of the shipped formats.
        name: What it is called elsewhere: letters, digits and `-`.
    """

    path: Path
    name: str

    def examples(self) -> Iterator[Example]:
        """Yield the examples in their order.

        Raises:
            FormError: a line is of no form that is known here.
        """
        with self.path.open(encoding="utf-8", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                try:
                    yield _example(json.loads(line))
                except (KeyError, TypeError, ValueError, IndexError) as error:
                    raise FormError(
                        f"{self.path.name}:{number}: a line of no form that is handed over.",
                        hint="export=chat, completion or preference",
                    ) from error

    @property
    def has_pairs(self) -> bool:
        """Whether the examples have a rejected answer each; false where there is no example."""
        first = next(self.examples(), None)
        return first is not None and first.rejected is not None


def assistant(text: str) -> Turn:
    """Return the assistant's turn."""
    return {"role": "assistant", "content": text}


def _example(line: Mapping[str, Any]) -> Example:
    if "messages" in line:
        *prompt, last = line["messages"]
        return Example(prompt=_turns(prompt), answer=_said(last))
    prompt = line["prompt"]
    turns = _turns([{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt)
    if "chosen" in line:
        (chosen,), (rejected,) = line["chosen"], line["rejected"]
        return Example(prompt=turns, answer=_said(chosen), rejected=_said(rejected))
    completion = line["completion"]
    if not isinstance(completion, str):
        (completion,) = (_said(turn) for turn in completion)
    return Example(prompt=turns, answer=completion)


def _turns(turns: list[Any]) -> tuple[Turn, ...]:
    if not turns or turns[-1]["role"] != "user":
        raise ValueError("the last turn of the prompt is not the user's")
    if any(set(turn) != TURN_KEYS or not isinstance(turn["content"], str) for turn in turns):
        raise ValueError("a turn is not a role and a text")
    return tuple(dict(turn) for turn in turns)


def _said(turn: Mapping[str, Any]) -> str:
    if set(turn) != TURN_KEYS or turn["role"] != "assistant":
        raise ValueError("the answer is not the assistant's")
    if not isinstance(turn["content"], str):
        raise ValueError("the answer is not a text")
    return turn["content"]

"""What came of asking a model for a new question: read, and looked at by rules, one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import polars as pl

from distill.augmenters.rewriting import QUESTION
from distill.models.protocol import Failure, Outcome
from distill.models.structured import read_object
from distill.records.fields import INK
from distill.stages.screen import NEIGHBOUR, Screen
from distill.tasks.reading import stopped
from distill.wording import normalised

ERROR, UNREAD, EMPTY, COPY, DUPLICATE = "error", "unread", "empty", "copy", "duplicate"
SHOWN_CHARS = 200
# Text that no file of ours can hold: NUL, and half a character.
_BROKEN = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True)
class Rewrite:
    """What came of one step.

    Args:
        question: The new question, or the text that it was to be made from where there is none.
        reason: Why it falls out, or `None`.
        detail: The evidence, where there is more to say.
    """

    question: str
    reason: str | None = None
    detail: str | None = None

    def but(self, reason: str, detail: str | None = None) -> Rewrite:
        """Return the same, fallen out."""
        return replace(self, reason=reason, detail=detail)


def read(outcome: Outcome, text: str) -> Rewrite:
    """Read one reply.

    Args:
        outcome: Of the request.
        text: What was to be rewritten.
    """
    nothing = Rewrite(question=text)
    if isinstance(outcome, Failure):
        return nothing.but(ERROR, outcome.detail)
    halt = stopped([outcome])
    if halt is not None and halt.reason is not None:
        return nothing.but(halt.reason, halt.detail)
    try:
        found = read_object(outcome.text)[QUESTION]
    except (ValueError, KeyError):
        found = None
    if not isinstance(found, str) or _BROKEN.search(found):
        return nothing.but(UNREAD, f"the reply: {outcome.text[:SHOWN_CHARS]}")
    question = found.strip()
    return Rewrite(question=question) if INK.search(question) else nothing.but(EMPTY)


def without_copies(found: Sequence[Rewrite], *texts: Sequence[str]) -> Iterator[Rewrite]:
    """Let those fall out that only say what they were made from.

    Args:
        found: What was read.
        texts: For each, what it is not to repeat; as many such lists as there are.
    """
    made = words([one.question for one in found])
    before = zip(*(words(some) for some in texts), strict=True)
    for one, mine, theirs in zip(found, made, before, strict=True):
        yield one.but(COPY) if one.reason is None and mine in theirs else one


def without_neighbours(found: Sequence[Rewrite], screen: Screen) -> Iterator[Rewrite]:
    """Let those fall out that give a held-out question away."""
    told = screen([one.question for one in found])
    for one, why in zip(found, told, strict=True):
        yield one.but(NEIGHBOUR, why) if one.reason is None and why is not None else one


def without_duplicates(found: Sequence[Rewrite], seen: set[str]) -> Iterator[Rewrite]:
    """Let those fall out whose words another question has; of several the first stays.

    Args:
        found: What was read.
        seen: The words of every other question; those that stay are added.
    """
    for one, mine in zip(found, words([one.question for one in found]), strict=True):
        if one.reason is None and mine in seen:
            yield one.but(DUPLICATE)
            continue
        if one.reason is None:
            seen.add(mine)
        yield one


def words(texts: Sequence[str]) -> list[str]:
    """Return the words of texts, without case and punctuation."""
    frame = pl.DataFrame({QUESTION: texts}, schema={QUESTION: pl.String})
    return frame.select(normalised(QUESTION))[QUESTION].to_list()

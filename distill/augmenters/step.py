"""What is asked for one new question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, kw_only=True)
class Step:
    """One rewriting that is asked for.

    Args:
        name: What it is called in the row's `extra`.
        how: What the model is told to do, in words.
        sample: Sample index, from 0: the same rewriting of the same text asked for again.
    """

    name: str
    how: str
    sample: int = 0


class Flaw(NamedTuple):
    """Why a rewriting is no good: a word or two, and the evidence in words."""

    reason: str
    detail: str


# Each step rewrites what the one before it made, or the seed itself where that was no good.
Chain = tuple[Step, ...]

"""What is asked for one new question."""

from __future__ import annotations

from dataclasses import dataclass


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


# Each step rewrites what the one before it made, or the seed itself where that was no good.
Chain = tuple[Step, ...]

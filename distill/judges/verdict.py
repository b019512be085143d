"""What a judge says of one answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One judgement.

    Args:
        score: In [0, 1], or `None` where the judge could not score.
        reason: The judge's own words, or why there is no score.
        raw: Scores before weights and threshold, by dimension.
        key: The response's key in the ledger, "" where no model was asked.
    """

    score: float | None
    reason: str
    raw: Mapping[str, float] | None = None
    key: str = ""

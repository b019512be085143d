"""What a judge says of one answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

# What stands beside the dimensions in `judge_scores`, where there was more than one vote.
VOTES, SCORE_SD = "votes", "score_sd"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One judgement.

    Args:
        score: In [0, 1], or `None` where the judge could not score.
        reason: The judge's own words, or why there is no score.
        raw: Scores before weights and threshold, by dimension.
        key: The response's key in the ledger, "" where no model was asked.
        votes: The raw scores of every vote that could be read, where several were asked for.
        over: Id of the row that this one was preferred to, `None` where rows are not compared.
        score_sd: Standard deviation (n - 1) of the votes' scores; `None` with fewer than two.
    """

    score: float | None
    reason: str
    raw: Mapping[str, float] | None = None
    key: str = ""
    votes: tuple[Mapping[str, float], ...] = ()
    score_sd: float | None = None
    over: str | None = None

    def raw_as_json(self) -> str | None:
        """Return raw scores, votes and spread as they are kept with the row."""
        if self.raw is None:
            return None
        told: dict[str, object] = dict(self.raw)
        if self.votes:
            told |= {VOTES: [dict(vote) for vote in self.votes], SCORE_SD: self.score_sd}
        return json.dumps(told, sort_keys=True)

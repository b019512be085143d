"""Self-consistency: how many samples of the same question come to the same answer."""

from __future__ import annotations

import polars as pl

from distill.component import Share, component
from distill.judges.verdict import Verdict
from distill.models.client import ModelClient
from distill.models.protocol import Model
from distill.tasks import Task
from distill.tasks.agreement import Votes, votes


@component
class Agreement:
    """Score a row by the share of its seed's samples that come to the same final answer.

    Args:
        threshold: Rows that score below fall out, in [0, 1].

    Note:
        With one sample a question there is nothing to agree with: such rows are unscored.

    Source:
        Self-consistency: Wang et al. 2022, arXiv 2203.11171.
    """

    threshold: Share

    @property
    def endpoint(self) -> Model | None:
        """No model is asked."""
        return None

    def score(self, table: pl.DataFrame, task: Task, client: ModelClient) -> list[Verdict]:
        """Return the share of agreeing samples a row, in (0, 1]."""
        del client
        return [self._verdict(row) for row in votes(table, task)]

    def _verdict(self, row: Votes) -> Verdict:
        if row.samples < 2:
            return Verdict(score=None, reason="one sample only: nothing to agree with")
        if row.final is None:
            return Verdict(score=0.0, reason="comes to no final answer")
        return Verdict(score=row.share, reason=row.in_words)

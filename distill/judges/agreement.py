"""Self-consistency: how many samples of the same question come to the same answer."""

from __future__ import annotations

from collections import Counter, defaultdict

import polars as pl

from distill.component import Share, component
from distill.judges.verdict import Verdict
from distill.models.client import ModelClient
from distill.models.protocol import Model
from distill.tasks import Task


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
        finals = [
            (seed, task.final(answer))
            for seed, answer in table.select("seed_id", "answer").iter_rows()
        ]
        counts: dict[str, Counter[str | None]] = defaultdict(Counter)
        for seed, final in finals:
            counts[seed][final] += 1
        return [self._verdict(counts[seed], final) for seed, final in finals]

    def _verdict(self, counts: Counter[str | None], final: str | None) -> Verdict:
        samples = counts.total()
        if samples < 2:
            return Verdict(score=None, reason="one sample only: nothing to agree with")
        if final is None:
            return Verdict(score=0.0, reason="comes to no final answer")
        same = counts[final]
        return Verdict(score=same / samples, reason=f"{same} of {samples} samples come to {final}")

"""Comparison with a reference that the seeds file brings."""

from __future__ import annotations

import polars as pl

from distill.component import Share, component
from distill.judges.verdict import Verdict
from distill.models.client import ModelClient
from distill.models.protocol import Model
from distill.tasks import Task


@component
class Verifier:
    """Score 1 where the answer comes to the reference's final answer, 0 where it does not.

    Args:
        threshold: Rows that score below fall out, in [0, 1].
    """

    threshold: Share

    @property
    def endpoint(self) -> Model | None:
        """No model is asked."""
        return None

    def score(self, table: pl.DataFrame, task: Task, client: ModelClient) -> list[Verdict]:
        """Return 1 or 0 a row; a row without a usable reference is unscored."""
        del client
        return [
            self._verdict(task, answer, reference)
            for answer, reference in table.select("answer", "reference").iter_rows()
        ]

    def _verdict(self, task: Task, answer: str, reference: str | None) -> Verdict:
        wanted = task.final(reference) if reference is not None else None
        if wanted is None:
            return Verdict(score=None, reason="the seed has no reference to compare with")
        found = task.final(answer)
        if found == wanted:
            return Verdict(score=1.0, reason=f"comes to {wanted}")
        return Verdict(score=0.0, reason=f"comes to {found}, the reference to {wanted}")

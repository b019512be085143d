"""The teacher's own calibrated confidence, for `task=classify`."""

from __future__ import annotations

import polars as pl

from distill.component import Share, component
from distill.judges.verdict import Verdict
from distill.models.client import ModelClient
from distill.models.protocol import Model
from distill.tasks import Task


@component
class Confidence:
    """Score a row by the probability of its likeliest label.

    Args:
        threshold: Rows that score below fall out, in [0, 1].
    """

    threshold: Share

    @property
    def endpoint(self) -> Model | None:
        """No model is asked."""
        return None

    def score(self, table: pl.DataFrame, task: Task, client: ModelClient) -> list[Verdict]:
        """Return the probability of each row's likeliest label; a row without one is unscored."""
        del task, client
        return [
            Verdict(score=None, reason="no distribution over labels")
            if probability is None
            else Verdict(score=min(probability, 1.0), reason="probability of the likeliest label")
            for probability in table["label_probs"].list.max().to_list()
        ]

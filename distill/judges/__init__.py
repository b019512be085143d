"""Judges: whatever gives an answer a score in [0, 1] and a reason. One class and one YAML each.

`judge.threshold` means the same for all of them: rows that score below it fall out. A row that a
judge could not score is *unscored*, which is not the same as a score of 0: it falls out with that
reason.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import polars as pl

from distill.judges.agreement import Agreement
from distill.judges.canaries import Canary, Watched
from distill.judges.confidence import Confidence
from distill.judges.pairwise import Pairwise
from distill.judges.rubric import Rubric
from distill.judges.verdict import Verdict
from distill.judges.verifier import Verifier
from distill.judges.watch import Watch
from distill.models.client import ModelClient
from distill.models.protocol import Model
from distill.tasks import Task

__all__ = [
    "Agreement",
    "Canary",
    "Confidence",
    "Judge",
    "Pairwise",
    "Rubric",
    "Verdict",
    "Verifier",
    "Watch",
    "Watched",
]


@runtime_checkable
class Judge(Protocol):
    """Something that scores answers."""

    threshold: float

    @property
    def endpoint(self) -> Model | None:
        """The model that is asked, or `None` where none is."""

    def score(self, table: pl.DataFrame, task: Task, client: ModelClient) -> list[Verdict]:
        """Return one verdict a row.

        Args:
            table: Rows that are in, with the teacher's `answer`; see `table.py`.
            task: What was asked.
            client: For judges that ask a model.
        """

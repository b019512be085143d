"""What the teacher is asked and how its replies are read: one class a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import polars as pl

from distill.models.protocol import Model, Reply, Request
from distill.tasks.classify import Classify
from distill.tasks.math import Math
from distill.tasks.qa import QA
from distill.tasks.reading import Answer

__all__ = ["QA", "Answer", "Classify", "Math", "Task"]


@runtime_checkable
class Task(Protocol):
    """One kind of question and answer."""

    @property
    def name(self) -> str:
        """`qa`, `math` or `classify`; the name that configs and reports use."""

    @property
    def varied(self) -> str:
        """The column whose diversity is measured: `answer` or `question`."""

    def rows_per_seed(self, model: Model) -> int:
        """Return how many rows one seed becomes when `model` answers it."""

    def requests(self, question: str, *, sample: int, model: Model) -> list[Request]:
        """Return the requests whose replies make up one row."""

    def read(self, replies: Sequence[Reply]) -> Answer:
        """Read the replies of one row, at least one."""

    def finish(self, table: pl.DataFrame) -> pl.DataFrame:
        """Do what needs all rows at once, such as calibration over the pool."""

    def final(self, answer: str) -> str | None:
        """Return what makes two answers the same (a number, a label), or `None` if it is absent."""

"""Which of the rows that are good enough make up the dataset: one class and one YAML each."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import polars as pl

from distill.selectors.balanced import Balanced
from distill.selectors.best_of_n import BestOfN
from distill.selectors.diverse import Diverse
from distill.selectors.random_rows import RandomRows
from distill.selectors.top_rows import TopRows

__all__ = ["Balanced", "BestOfN", "Diverse", "RandomRows", "Selector", "TopRows"]


@runtime_checkable
class Selector(Protocol):
    """A choice among rows; one that has more to say than its reason `Explains` it, as a filter."""

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """Return a boolean a row, true for those to leave out.

        Args:
            table: Rows of the teacher that are in, with `score` where a judge gave one.
        """

    @property
    def reason(self) -> str:
        """Why a row is left out, as it stands in `rejected.jsonl`."""

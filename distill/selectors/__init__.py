"""Which of the rows that are good enough make up the dataset: one class and one YAML each."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import polars as pl

from distill.selectors.top_rows import TopRows

__all__ = ["Selector", "TopRows"]


@runtime_checkable
class Selector(Protocol):
    """A choice among rows."""

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """Return a boolean a row, true for those to leave out.

        Args:
            table: Rows of the teacher that are in, with `score` where a judge gave one.
        """

    @property
    def reason(self) -> str:
        """Why a row is left out, as it stands in `rejected.jsonl`."""

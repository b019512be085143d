"""Cheap rules that drop answers before a judge is paid: one class and one YAML each.

A filter says which rows to drop; it never changes a row. The reason of a dropped row is the
filter's name in the config.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import polars as pl

from distill.filters.keyword_overlap import KeywordOverlap
from distill.filters.min_words import MinWords
from distill.filters.number_present import NumberPresent
from distill.filters.uncertainty import Uncertainty

__all__ = ["Filter", "KeywordOverlap", "MinWords", "NumberPresent", "Uncertainty"]


@runtime_checkable
class Filter(Protocol):
    """One rule over the rows that have an answer."""

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """Return a boolean a row, true for those to drop.

        Args:
            table: Rows that are in, with the teacher's `answer` (never null); see `table.py`.
        """

"""Worked answers that never come to a number."""

from __future__ import annotations

import polars as pl

from distill.component import component


@component
class NumberPresent:
    """Drop answers in which no number can be found."""

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """Return true for answers without a digit."""
        return ~table["answer"].str.contains(r"\d")

"""Answers without a word."""

from __future__ import annotations

import polars as pl

from distill.component import component


@component
class Empty:
    """Drop answers that hold no letter and no digit."""

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """Return true for answers of signs and white space alone."""
        return ~table["answer"].str.contains(r"[\p{L}\p{N}]")

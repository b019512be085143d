"""The same example twice."""

from __future__ import annotations

import polars as pl

from distill.component import component
from distill.wording import normalised, squeezed


@component
class ExactDuplicates:
    """Drop an answer that an earlier row has given to the same question; the first stays.

    Questions are compared by their words alone, answers by all but case and white space: two
    answers that differ in a minus sign are two answers.
    """

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """Return true for every row but the first of its question and answer."""
        same = pl.struct(normalised("question"), squeezed("answer"))
        return table.select(repeats=~same.is_first_distinct())["repeats"]

"""Rejection sampling: of several answers to one question, the best."""

from __future__ import annotations

import polars as pl

from distill.component import Count, Positive, component
from distill.selectors.floor import Floor
from distill.selectors.ranked import PLACE, best_first, left_out


@component
class BestOfN(Floor):
    """Keep the best-scored answers to each question, then the best of those up to a number.

    Every question is served once before any is served twice, so that a budget does not fill up
    with several answers to the easy questions. Of equals, the earlier row.

    Args:
        per_question: Most answers to one question, >= 1.
        max_rows: Most rows of the teacher in the dataset; 0 keeps none, `None` sets no budget.
    """

    per_question: Positive
    max_rows: Count | None

    @property
    def reason(self) -> str:
        """Why a row is left out."""
        return "not_best_of_n"

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """Return true for the lesser answers, and for those beyond the budget."""
        ranked = best_first(table).with_columns(turn=pl.int_range(pl.len()).over("seed_id"))
        kept = ranked.filter(pl.col("turn") < self.per_question)
        if self.max_rows is not None:
            kept = kept.sort("turn", maintain_order=True).head(self.max_rows)
        return left_out(table.height, kept[PLACE])

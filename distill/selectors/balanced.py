"""Groups of even size, so that a rare label or slice is not drowned."""

from __future__ import annotations

from typing import Literal

import polars as pl

from distill.component import Count, component
from distill.selectors.floor import Floor
from distill.selectors.ranked import PLACE, best_first, left_out


@component
class Balanced(Floor):
    """Fill a budget evenly from the groups, the best-scored rows of each first.

    The groups take turns. One that runs out leaves its share to the others, so that the budget is
    used up where there are rows enough.

    Args:
        by: The column whose values are the groups: `answer` (the labels of a classifier) or
            `slice`. Rows without a value are a group of their own.
        max_rows: Most rows of the teacher in the dataset; 0 keeps none, `None` sets no budget.
        max_per_group: Most rows of one group; 0 keeps none, `None` sets no limit.
    """

    by: Literal["answer", "slice"]
    max_rows: Count | None
    max_per_group: Count | None

    @property
    def reason(self) -> str:
        """Why a row is left out."""
        return "over_balance"

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """Return true for rows beyond their group's limit or beyond the budget."""
        kept = best_first(table).with_columns(turn=pl.int_range(pl.len()).over(self.by))
        if self.max_per_group is not None:
            kept = kept.filter(pl.col("turn") < self.max_per_group)
        if self.max_rows is not None:
            kept = kept.sort("turn", maintain_order=True).head(self.max_rows)
        return left_out(table.height, kept[PLACE])

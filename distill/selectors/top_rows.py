"""A budget of rows."""

from __future__ import annotations

import polars as pl

from distill.component import Count, component
from distill.selectors.floor import Floor
from distill.selectors.ranked import PLACE, best_first, left_out


@component
class TopRows(Floor):
    """Keep the best-scored rows up to a number; of equals, those that come first.

    Args:
        max_rows: Most rows of the teacher in the dataset; 0 keeps none, `None` keeps all.
    """

    max_rows: Count | None

    @property
    def reason(self) -> str:
        """Why a row is left out."""
        return "over_max_rows"

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """Return true for rows beyond the budget; unscored rows rank last."""
        if self.max_rows is None:
            return pl.repeat(value=False, n=table.height, eager=True)
        return left_out(table.height, best_first(table)[PLACE].head(self.max_rows))

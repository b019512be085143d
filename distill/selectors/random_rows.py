"""The control of every other selector: as many rows, drawn blindly."""

from __future__ import annotations

import numpy as np
import polars as pl

from distill.component import Count, Seed, component
from distill.selectors.floor import Floor
from distill.selectors.ranked import left_out


@component
class RandomRows(Floor):
    """Keep rows drawn at random, whatever their score.

    A selection that does not beat this one of the same size has not earned its keep.

    Args:
        max_rows: Most rows of the teacher in the dataset; 0 keeps none, `None` keeps all.
        seed: Of the draw.
    """

    max_rows: Count | None
    seed: Seed

    @property
    def reason(self) -> str:
        """Why a row is left out."""
        return "not_drawn"

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """Return true for the rows that were not drawn."""
        drawn = np.random.default_rng(self.seed).permutation(table.height)[: self.max_rows]
        return left_out(table.height, pl.Series(drawn, dtype=pl.UInt32))

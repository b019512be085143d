"""The order in which rows are taken, shared by the selectors that go by score."""

from __future__ import annotations

import polars as pl

PLACE = "place"


def best_first(table: pl.DataFrame) -> pl.DataFrame:
    """Return the rows by score, best first; of equals the earlier row, and unscored rows last.

    Args:
        table: Any columns, `score` among them.

    Returns:
        The same rows with `place`, each row's index in `table`.
    """
    return table.with_row_index(PLACE).sort(
        "score", descending=True, nulls_last=True, maintain_order=True
    )


def left_out(height: int, taken: pl.Series) -> pl.Series:
    """Return a boolean a row, true for those whose place is not among `taken`.

    Args:
        height: Rows in all.
        taken: Places, each in [0, height).
    """
    places = pl.int_range(height, eager=True, dtype=pl.UInt32)
    return ~places.is_in(taken.cast(pl.UInt32).implode())

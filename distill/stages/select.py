"""Choose which of the good rows make up the dataset."""

from __future__ import annotations

import polars as pl

from distill.filters import Explains
from distill.selectors import Selector
from distill.selectors.floor import REASON, over_share
from distill.table import drop, fill, is_in, to_ask

STAGE = "select"


def select(table: pl.DataFrame, selector: Selector, *, seed: int) -> pl.DataFrame:
    """Leave out the rows that the selector does not take; real examples always stay.

    A selector that explains itself has its words in the row's `detail`. Then the floor on the
    share of real questions, where there is one, takes its toll.

    Args:
        table: Columns of `table.py`, scores among them.
        selector: Chooses.
        seed: Of the order in which the floor drops rows of equal score.
    """
    rows = table.filter(to_ask())
    if isinstance(selector, Explains):
        why = rows.select("id", detail=selector.details(rows)).drop_nulls("detail")
        table, left_out = fill(table, why.iter_rows(named=True), {"detail": pl.String}), why["id"]
    else:
        left_out = rows.filter(selector.rejects(rows))["id"]
    table = drop(table, pl.col("id").is_in(left_out.implode()), stage=STAGE, reason=selector.reason)
    # A selector of the user's own may know nothing of it.
    floor: float | None = getattr(selector, "min_real_share", None)
    if floor is None:
        return table
    over = over_share(table.filter(is_in()), floor, seed=seed)
    return drop(table, pl.col("id").is_in(over.implode()), stage=STAGE, reason=REASON)

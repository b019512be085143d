"""Choose which of the good rows make up the dataset."""

from __future__ import annotations

import polars as pl

from distill.filters import Explains
from distill.selectors import Selector
from distill.table import drop, fill, to_ask

STAGE = "select"


def select(table: pl.DataFrame, selector: Selector) -> pl.DataFrame:
    """Leave out the rows that the selector does not take; real examples always stay.

    A selector that explains itself has its words in the row's `detail`.
    """
    rows = table.filter(to_ask())
    if isinstance(selector, Explains):
        why = rows.select("id", detail=selector.details(rows)).drop_nulls("detail")
        table, left_out = fill(table, why.iter_rows(named=True), {"detail": pl.String}), why["id"]
    else:
        left_out = rows.filter(selector.rejects(rows))["id"]
    return drop(table, pl.col("id").is_in(left_out.implode()), stage=STAGE, reason=selector.reason)

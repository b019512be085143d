"""Choose which of the good rows make up the dataset."""

from __future__ import annotations

import polars as pl

from distill.selectors import Selector
from distill.table import drop, to_ask

STAGE = "select"


def select(table: pl.DataFrame, selector: Selector) -> pl.DataFrame:
    """Leave out the rows that the selector does not take; real examples always stay."""
    rows = table.filter(to_ask())
    left_out = rows.filter(selector.rejects(rows))["id"]
    return drop(table, pl.col("id").is_in(left_out.implode()), stage=STAGE, reason=selector.reason)

"""Apply the cheap rules, one after the other; a row falls out at the first that rejects it."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from distill.filters import Filter
from distill.table import drop, to_ask

STAGE = "filter"


def apply_filters(table: pl.DataFrame, filters: Mapping[str, Filter]) -> pl.DataFrame:
    """Drop the rows that a filter rejects; the reason is the filter's name.

    Real examples are not filtered: a human has answered them.
    """
    for name, one in filters.items():
        rows = table.filter(to_ask())
        rejected = rows.filter(one.rejects(rows).fill_null(value=False))["id"]
        table = drop(table, pl.col("id").is_in(rejected.implode()), stage=STAGE, reason=name)
    return table

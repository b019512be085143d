"""Apply the cheap rules, one after the other; a row falls out at the first that rejects it."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from distill.filters import Explains, Filter
from distill.table import drop, fill, to_ask

STAGE = "filter"


def apply_filters(table: pl.DataFrame, filters: Mapping[str, Filter]) -> pl.DataFrame:
    """Drop the rows that a filter rejects; the reason is the filter's name.

    Real examples are not filtered: a human has answered them. A filter that explains itself has
    its words in the row's `detail`.
    """
    for name, one in filters.items():
        rows = table.filter(to_ask())
        if isinstance(one, Explains):
            why = rows.select("id", detail=one.details(rows)).drop_nulls("detail")
            rejected = why["id"]
            told = why.filter(pl.col("detail") != "").iter_rows(named=True)
            table = fill(table, told, {"detail": pl.String})
        else:
            rejected = rows.filter(one.rejects(rows).fill_null(value=False))["id"]
        table = drop(table, pl.col("id").is_in(rejected.implode()), stage=STAGE, reason=name)
    return table

"""How often the teacher says that it does not know, before and after the filters; and that set.

What the filters do with admissions of doubt decides whether a student learns to make them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from distill.exports import Export
from distill.filters import Filter, Uncertainty
from distill.stages import filter as filtering
from distill.stages import generate as generating
from distill.stages.export import write_lines
from distill.statistics import wilson
from distill.table import TEACHER

ABSTAIN = "abstain"
PLACES = 6


def abstention(table: pl.DataFrame, filters: Mapping[str, Filter]) -> dict[str, Any] | None:
    """Count the teacher's answers that hold a marker of any filter for uncertainty.

    Args:
        table: All columns at the end of a run.
        filters: By name, as they were applied.

    Returns:
        `policy` by the filter's name; `before`, of all answers that could be read, and `after`, of
        those that the filters left, each with `answers`, `abstained`, and the share `rate` with its
        95 % interval from `low` to `high`, in [0, 1]. A part without an answer is absent. `None`
        where no such filter was on.
    """
    found = _filters(filters)
    if not found:
        return None
    out = pl.col("stage").fill_null("")
    answered = (pl.col("source") == TEACHER) & pl.col("answer").is_not_null()
    before = table.filter(answered & (out != generating.STAGE))
    parts = {"before": before, "after": before.filter(out != filtering.STAGE)}
    counted = {when: _rate(rows, found) for when, rows in parts.items() if rows.height}
    return {"policy": {name: one.policy for name, one in found.items()}, **counted}


def _filters(filters: Mapping[str, Filter]) -> dict[str, Uncertainty]:
    return {name: one for name, one in filters.items() if isinstance(one, Uncertainty)}


def _rate(rows: pl.DataFrame, found: Mapping[str, Uncertainty]) -> dict[str, Any]:
    some = pl.repeat(value=False, n=rows.height, eager=True)
    for one in found.values():
        some |= one.abstains(rows)
    share = wilson(int(some.sum()), rows.height)
    return {
        "answers": rows.height,
        "abstained": int(some.sum()),
        "rate": round(share.value, PLACES),
        "low": round(share.low, PLACES),
        "high": round(share.high, PLACES),
    }


def abstained(table: pl.DataFrame, filters: Mapping[str, Filter]) -> pl.DataFrame:
    """Return the rows that fell out by a filter whose policy is `abstain`, in the table's order."""
    names = [name for name, one in _filters(filters).items() if one.policy == ABSTAIN]
    by_them = pl.col("reason").is_in(pl.Series(names, dtype=pl.String).implode())
    return table.filter((pl.col("stage") == filtering.STAGE) & by_them)


def export_abstained(
    table: pl.DataFrame, filters: Mapping[str, Filter], export: Export, path: Path
) -> str | None:
    """Write those rows as the dataset is written, their answers as they are.

    Returns:
        The SHA-256 of the file, 64 hex digits; `None`, and no file, where there is no such row.
    """
    rows = abstained(table, filters)
    return write_lines(export.lines(rows), path) if rows.height else None

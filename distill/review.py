"""What a human should look at: rows on which no rule may decide alone, each with its evidence.

Nothing waits for the answer: a guard that is in doubt lets the row pass, a filter whose policy is
`review` leaves it out, and either way the row is listed here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl

from distill.filters import Filter
from distill.stages import filter as filtering
from distill.stages.export import write_lines
from distill.stages.guard import GuardResult
from distill.table import REVIEW_COLUMNS

REVIEW = "review"


def review_rows(
    table: pl.DataFrame, filters: Mapping[str, Filter], guards: Mapping[str, GuardResult]
) -> pl.DataFrame:
    """Return everything that is to be looked at: the filters' rows first, then each guard's.

    Args:
        table: All columns at the end of a run.
        filters: By name, as they were applied.
        guards: What was found, by name.

    Returns:
        Columns `REVIEW_COLUMNS`; the same order for the same run.
    """
    found = [result.finding for result in guards.values() if result.finding is not None]
    asked = [finding.review for finding in found if finding.review is not None]
    return pl.concat([reviewed_by_filters(table, filters), *asked])


def reviewed_by_filters(table: pl.DataFrame, filters: Mapping[str, Filter]) -> pl.DataFrame:
    """Return the rows that fell out by a filter whose `policy` is `review`, in the table's order.

    The evidence is the row's `detail`.
    """
    names = [name for name, one in filters.items() if getattr(one, "policy", None) == REVIEW]
    asked = pl.col("reason").is_in(pl.Series(names, dtype=pl.String).implode())
    rows = table.filter((pl.col("stage") == filtering.STAGE) & asked)
    return rows.with_columns(evidence="detail").select(*REVIEW_COLUMNS)


def review_frame(rows: Iterable[Mapping[str, str | None]]) -> pl.DataFrame:
    """Return `rows`, mappings with the names of `REVIEW_COLUMNS`, as a frame."""
    return pl.DataFrame(list(rows), schema=REVIEW_COLUMNS)


def no_review() -> pl.DataFrame:
    """Return the frame of a run in which nothing is in doubt."""
    return review_frame([])


def review_counts(rows: pl.DataFrame) -> dict[str, int]:
    """Count the rows by `stage/reason`, in the order of the names."""
    counts = rows.group_by("stage", "reason").len().sort("stage", "reason")
    return {f"{stage}/{reason}": n for stage, reason, n in counts.iter_rows()}


def write_review(rows: pl.DataFrame, path: Path) -> None:
    """Write the rows as JSON lines, whole or not at all; no file where there is none."""
    if rows.height:
        write_lines(rows.iter_rows(named=True), path)

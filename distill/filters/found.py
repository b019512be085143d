"""Kinds of things in the texts of a row, told without the things themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import polars as pl

# All that an export may hold of a row.
COLUMNS = ("question", "answer", "rationale")


def found_in(
    table: pl.DataFrame, signs: str, kinds_of: Callable[[str], Iterable[str]]
) -> pl.Series:
    """Return what is found in each row, `email in the answer; iban in the question`, else null.

    Args:
        table: Columns of `table.py`; those of `COLUMNS` that are missing hold nothing.
        signs: A pattern that a text must match to be looked at.
        kinds_of: Names what one text holds.
    """
    told: list[list[str]] = [[] for _ in range(table.height)]
    for column in COLUMNS:
        if column not in table.columns or table[column].dtype != pl.String:
            continue
        suspects = table[column].str.contains(signs).fill_null(value=False).arg_true()
        for row in suspects:
            told[row] += [f"{kind} in the {column}" for kind in kinds_of(table[column][row])]
    return pl.Series("detail", ["; ".join(parts) or None for parts in told], dtype=pl.String)

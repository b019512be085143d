"""Ids: the default one, and what makes them ambiguous."""

from __future__ import annotations

import hashlib

import polars as pl

from distill.errors import shown
from distill.records.faults import FaultLog

LINE = "line"
ID_HEX_DIGITS = 16


def default_id(question: str) -> str:
    """Return the id of a row that brings none: 16 hex digits of its question's SHA-256."""
    return hashlib.sha256(question.encode()).hexdigest()[:ID_HEX_DIGITS]


def note_duplicates(frame: pl.DataFrame, log: FaultLog) -> None:
    """Note every id that stands on an earlier line too.

    Args:
        frame: Columns `LINE`, `id`, `question`; null where a cell was faulty.
        log: Where faults go.
    """
    known = frame.filter(pl.col("id").is_not_null())
    twice = known.with_columns(first=pl.col(LINE).min().over("id")).filter(
        pl.col("first") != pl.col(LINE)
    )
    for line, first, name, question in twice.select(LINE, "first", "id", "question").iter_rows():
        if question is not None and name == default_id(question):
            got = f"the question of line {first} again, and no id that tells them apart"
            hint = 'take one out, or give each an "id"'
        else:
            got, hint = f"id {shown(name)}, which line {first} has too", None
        log.add(line, "each id once", got, hint)


def note_sample_names(frame: pl.DataFrame, log: FaultLog) -> None:
    """Note ids that another row's later samples will bear: sample k of `x` is called `x#k`.

    Args:
        frame: Columns `LINE` and `id`; null where a cell was faulty.
        log: Where faults go.
    """
    stems = frame.select(LINE, "id", stem=pl.col("id").str.extract(r"(?s)^(.*)#[1-9][0-9]*$"))
    clashes = stems.filter(pl.col("stem").is_not_null()).join(
        stems.select(stem="id", first=LINE).drop_nulls().unique("stem", keep="first"), on="stem"
    )
    for line, first, name in clashes.sort(LINE).select(LINE, "first", "id").iter_rows():
        got = f"id {shown(name)}, the name of a later sample of line {first}"
        log.add(line, "an id that cannot be mistaken", got, "end it in something else than #number")

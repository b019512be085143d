"""Answers in a form of the user's own."""

from __future__ import annotations

import re
from typing import Annotated

import polars as pl
from pydantic import AfterValidator

from distill.component import component


def _why(told: str) -> str:
    """Return what the engine objects to, and at which sign of the pattern where it shows that."""
    what = re.search(r"^error: (.+)$", told, re.MULTILINE)
    at = re.search(r"^    ( *)\^", told, re.MULTILINE)
    where = f" at character {len(at[1]) + 1}" if at else ""
    return (what[1] if what else "it cannot be read, or is too large") + where


def _readable(pattern: str) -> str:
    # The engine that will run it is the one to ask: Polars knows no look-around.
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.ComputeError as error:
        raise ValueError(f"want a regular expression ({_why(str(error))})") from None
    return pattern


Pattern = Annotated[str, AfterValidator(_readable)]


@component
class FormatRegex:
    """Drop answers in which a pattern is not found.

    Args:
        pattern: A regular expression, in Rust's syntax: no look-around, no back references. It is
            searched for; write `^` and `$` where the whole answer counts. An empty one keeps
            everything.
    """

    pattern: Pattern

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """Return true for answers without a match."""
        return ~table["answer"].str.contains(self.pattern)

"""Answers in a form of the user's own."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import AfterValidator

from distill.component import component


def _readable(pattern: str) -> str:
    # The engine that will run it is the one to ask: Polars knows no look-around.
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.ComputeError as error:
        why = " ".join(str(error).split())
        raise ValueError(f"want a regular expression that Polars can read ({why})") from None
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

"""Answers that are to be JSON."""

from __future__ import annotations

import json

import polars as pl

from distill.component import component


@component
class JsonValid:
    """Drop answers that are not one JSON value as a whole.

    A code fence around the value is no JSON; nor are NaN and Infinity, by RFC 8259.
    """

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """Return true for answers that do not parse."""
        return pl.Series([not _is_json(text) for text in table["answer"]], dtype=pl.Boolean)


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(name: str) -> None:
    raise ValueError(name)

"""Answers whose Python is no Python."""

from __future__ import annotations

import ast
import textwrap
import warnings

import polars as pl

from distill.component import component

# A block that is never closed reaches to the end.
BLOCK = r"(?ims)^[ \t]*```[ \t]*(?:python3?|py)[ \t]*\r?\n(.*?)(?:^[ \t]*```|\z)"


@component
class PythonParses:
    """Drop answers with a fenced Python block that does not parse; nothing is ever executed.

    Only blocks marked `python`, `python3` or `py` count; an answer without one is kept.
    """

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """Return true for answers in which a block does not parse."""
        answers = table["answer"]
        # `extract_all` gives whole matches: the fences come off by the same pattern.
        blocks = answers.str.extract_all(BLOCK)
        return pl.Series(
            [any(not _parses(code) for code in _codes(found)) for found in blocks],
            dtype=pl.Boolean,
        )


def _codes(found: pl.Series) -> list[str]:
    return [str(code) for code in found.str.extract(BLOCK)]


def _parses(code: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(textwrap.dedent(code))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True

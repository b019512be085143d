"""The same example in other words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from distill.component import component
from distill.embeddings import Vectors, embed, require_embeddings
from distill.filters.repeats import PARTS, Floats, Ints, Nearness, Repeats

# Cosines that are computed at once: some ten megabytes.
ROWS_AT_ONCE = 512
COLUMNS_AT_ONCE = 8192
# A product of matrices may round by its shape; what is so near the threshold is computed again.
MARGIN = 1e-4
ROUNDING = 1e-9


@component
class SemanticDuplicates:
    """Drop an example whose question and answer mean nearly those of an earlier one that stays.

    Texts are compared by the cosine of their static embeddings (`distill/embeddings.py`), which
    know words and not their order: a claim and its denial are near each other. The row that is
    repeated stands in `detail`. Needs the extra `embed`.

    Args:
        threshold: Least cosine of the questions, and of the answers, in (0, 1]; `None` keeps
            everything.

    Note:
        Every pair is compared: ten times the rows take a hundred times as long.

    Raises:
        ExtraMissingError: the extra `embed` is not installed.
    """

    threshold: Nearness

    def __post_init__(self) -> None:
        """See that there are embeddings, before anything is spent."""
        if self.threshold is not None:
            require_embeddings()

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """Return true for every example that repeats an earlier one."""
        return self.details(table).is_not_null()

    def details(self, table: pl.DataFrame) -> pl.Series:
        """Return which row an example repeats, null for one that stays."""
        repeats = Repeats.none(table.height)
        if self.threshold is not None and table.height > 1:
            repeats = _repeats_in([embed(table[name]) for name in PARTS], self.threshold)
        return repeats.details(table, "cosine")


def _repeats_in(parts: Sequence[Vectors], threshold: float) -> Repeats:
    """Say which rows are near one earlier row that stays, in every part.

    Args:
        parts: `(rows, dimensions)` each, rows of length 1 or 0.
        threshold: Least cosine of each part.
    """
    rows = len(parts[0])
    repeats = Repeats.none(rows)
    for start in range(0, rows, ROWS_AT_ONCE):
        block = np.arange(start, min(start + ROWS_AT_ONCE, rows))
        # First what is near rows that are known to stay, and then what is near one of the block.
        for some in (np.flatnonzero(repeats.of[:start] < 0), block):
            open_rows = block[repeats.of[block] < 0]
            repeats.settle(*_near(parts, open_rows, some, threshold))
    return repeats


def _near(
    parts: Sequence[Vectors], later: Ints, earlier: Ints, threshold: float
) -> tuple[Ints, Ints, Floats]:
    """Return the pairs that reach the threshold in every part, and the lowest of their cosines."""
    found = [np.zeros((2, 0), dtype=np.int64)]
    first = parts[0]
    for start in range(0, len(earlier), COLUMNS_AT_ONCE):
        some = earlier[start : start + COLUMNS_AT_ONCE]
        near = np.nonzero(first[later] @ first[some].T >= threshold - MARGIN)
        found.append(np.stack((later[near[0]], some[near[1]])))
    rows, others = np.concatenate(found, axis=1)
    order = np.argsort(rows, kind="stable")
    rows, others = rows[order], others[order]
    before = others < rows
    rows, others = rows[before], others[before]
    lowest = np.ones(len(rows))
    for part in parts:
        lowest = np.minimum(lowest, _cosines(part, rows, others))
    near_enough = lowest >= threshold - ROUNDING
    return rows[near_enough], others[near_enough], lowest[near_enough]


def _cosines(part: Vectors, rows: Ints, others: Ints) -> NDArray[np.float64]:
    """Return the cosine of each pair, the same in any company."""
    cosines = np.zeros(len(rows))
    for start in range(0, len(rows), COLUMNS_AT_ONCE):
        some = slice(start, start + COLUMNS_AT_ONCE)
        left, right = (part[at[some]].astype(np.float64) for at in (rows, others))
        # Rows are of length 1 only as far as their 24 bits go.
        lengths = np.sqrt((left * left).sum(axis=1) * (right * right).sum(axis=1))
        dots = (left * right).sum(axis=1)
        cosines[some] = np.divide(dots, lengths, out=np.zeros_like(dots), where=lengths > 0)
    return cosines

"""The best rows that are not yet said: score first, then diversity."""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from distill.component import Count, Share, component
from distill.embeddings import Vectors, embed, require_embeddings
from distill.selectors.floor import Floor
from distill.selectors.ranked import PLACE, best_first

# Cosines that are computed at once: some ten megabytes.
ROWS_AT_ONCE = 512
COLUMNS_AT_ONCE = 8192
# A product of matrices may round by its shape; what is so near the limit is computed again.
MARGIN = 1e-4
TINY = 1e-12  # a text without words has a vector of length 0
PARTS = {"question": ["question"], "answer": ["answer"], "both": ["question", "answer"]}

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@component
class Diverse(Floor):
    """Take rows by falling score, and none that is too near one already taken.

    Texts are compared by the cosine of their static embeddings (`distill/embeddings.py`), which
    know words and not their order. The nearest row that was taken stands in `detail`. Of equal
    scores the earlier row comes first; unscored rows come last. Needs the extra `embed`.

    Args:
        over: What is compared: `question`, `answer`, or `both` as one text.
        max_similarity: Highest cosine to the nearest row taken before, in [0, 1]; 1 is off.
        max_rows: Most rows of the teacher in the dataset; 0 keeps none, `None` sets no budget.

    Raises:
        ExtraMissingError: the extra `embed` is not installed.

    Source:
        Liu et al. 2024, Deita (arXiv:2312.15685), "score-first, diversity-aware" selection: a row
        is taken where its cosine to the nearest taken one is below 0.9. Unlike there, the score is
        the judge's, and the vectors are static ones instead of a language model's.
    """

    over: Literal["question", "answer", "both"]
    max_similarity: Share
    max_rows: Count | None

    def __post_init__(self) -> None:
        """See that there are embeddings, before anything is spent."""
        if self.max_similarity < 1:
            require_embeddings()

    @property
    def reason(self) -> str:
        """Why a row is left out."""
        return "not_diverse"

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """Return true for rows near a better one, and for those beyond the budget."""
        return self.details(table).is_not_null()

    def details(self, table: pl.DataFrame) -> pl.Series:
        """Return the nearest row that was taken, null for a row that is taken itself."""
        order = best_first(table)[PLACE].to_numpy()
        most = table.height if self.max_rows is None else min(self.max_rows, table.height)
        if self.max_similarity < 1:
            vectors = _vectors(table, PARTS[self.over])[order]
            taken, nearest, cosine = _walk(vectors, limit=self.max_similarity, most=most)
        else:
            taken, nearest = np.arange(most), np.full(table.height, -1)
            cosine = np.ones(table.height)
        names = table["id"].gather(order).to_list()
        words: list[str | None] = [
            f"over select.max_rows={self.max_rows}"
            if near < 0
            else f"cosine {like:.3f} to row {names[near]}"
            for near, like in zip(nearest.tolist(), cosine.tolist(), strict=True)
        ]
        for row in taken.tolist():
            words[row] = None
        # From the order of the scores back to that of the table.
        return pl.Series("detail", words, dtype=pl.String).gather(np.argsort(order))


def _vectors(table: pl.DataFrame, columns: list[str]) -> Vectors:
    text = pl.concat_str(*columns, separator="\n", ignore_nulls=True)
    return embed(table.select(text.alias("text"))["text"])


def _walk(vectors: Vectors, *, limit: float, most: int) -> tuple[Ints, Ints, Floats]:
    """Take rows in their order.

    Args:
        vectors: `(rows, dimensions)`, rows of length 1 or 0, the best first.
        limit: Highest cosine to a row taken before.
        most: Rows to take at most.

    Returns:
        `(taken,)`, the rows that are taken; `(rows,)`, of a row that is too near one of them which,
        and -1 for the others; `(rows,)`, its cosine. Of equally near rows the better one.
    """
    rows = len(vectors)
    nearest, cosine = np.full(rows, -1, dtype=np.int64), np.full(rows, limit, dtype=np.float64)
    taken = np.empty(most, dtype=np.int64)
    count = 0
    for start in range(0, rows, ROWS_AT_ONCE):
        if count == most:
            break
        block = np.arange(start, min(start + ROWS_AT_ONCE, rows))
        for column in range(0, count, COLUMNS_AT_ONCE):
            some = taken[column : min(column + COLUMNS_AT_ONCE, count)]
            found = _cosines(vectors, block, some, limit)
            best = found.argmax(axis=1)
            _note(found[np.arange(len(block)), best], some[best], block, nearest, cosine)
        own = _cosines(vectors, block, block, limit)
        for i, row in enumerate(block):
            if nearest[row] < 0 and count < most:
                taken[count] = row
                count += 1
                later = block[i + 1 :]
                _note(own[i, i + 1 :], np.full(len(later), row), later, nearest, cosine)
    return taken[:count], nearest, cosine


def _note(found: Vectors, others: Ints, rows: Ints, nearest: Ints, cosine: Floats) -> None:
    """Write down the cosine of each row to another one where it is nearer than any before."""
    nearer = found > cosine[rows]
    nearest[rows[nearer]] = others[nearer]
    cosine[rows[nearer]] = found[nearer]


def _cosines(vectors: Vectors, rows: Ints, others: Ints, limit: float) -> Vectors:
    """Return `(rows, others)`; those near the limit the same in any company."""
    cosines: Vectors = vectors[rows] @ vectors[others].T
    left, right = np.nonzero(np.abs(cosines - np.float32(limit)) < MARGIN)
    for start in range(0, len(left), COLUMNS_AT_ONCE):
        i, j = left[start : start + COLUMNS_AT_ONCE], right[start : start + COLUMNS_AT_ONCE]
        a, b = vectors[rows[i]].astype(np.float64), vectors[others[j]].astype(np.float64)
        # Rows are of length 1 only as far as their 24 bits go.
        lengths = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
        cosines[i, j] = (a * b).sum(axis=1) / np.maximum(lengths, TINY)
    return cosines

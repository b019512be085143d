"""Which training questions mean nearly what a held-out one does: for a human to decide on."""

from __future__ import annotations

import numpy as np
import polars as pl

from distill.embeddings import embed
from distill.table import REVIEW_COLUMNS

# Cosines that are computed at once: 32 megabytes.
COSINES_AT_ONCE = 8_000_000
# The product of two rows of length 1 may come out a little below 1.
ROUNDING = 1e-6


def near_in_meaning(
    held: pl.DataFrame, rows: pl.DataFrame, told: pl.DataFrame, *, least: float, reason: str
) -> pl.DataFrame:
    """Return the training questions with a held-out one near them, each with the nearest.

    Args:
        held: `id` and `question`.
        rows: `id`, `question` and `answer`; of rows that ask the same the first counts.
        told: Index pairs `held` and `row` that are known of already and left out.
        least: Least cosine of two questions' static embeddings, in (0, 1].
        reason: The guard's name.

    Returns:
        Columns `REVIEW_COLUMNS`, in the order of `rows`.

    Raises:
        ExtraMissingError: the extra `embed` is not installed.
    """
    asked = rows.with_row_index("row").unique("question", keep="first", maintain_order=True)
    left, right = embed(asked["question"]), embed(held["question"])
    place = asked.select("row", at=pl.int_range(pl.len()))
    known = told.select("held", pl.col("row").cast(pl.UInt32)).join(place, on="row")
    found = []
    step = max(1, COSINES_AT_ONCE // max(1, held.height))
    for start in range(0, asked.height if held.height else 0, step):
        cosines = left[start : start + step] @ right.T
        here = known.filter(pl.col("at").is_between(start, start + step - 1))
        cosines[here["at"].to_numpy() - start, here["held"].to_numpy()] = 0
        nearest = cosines.argmax(axis=1)
        best = cosines[np.arange(len(nearest)), nearest]
        for at in np.flatnonzero(best >= least - ROUNDING).tolist():
            found.append((start + at, int(nearest[at]), float(best[at])))
    return _told(held, asked, found, reason)


def _told(
    held: pl.DataFrame, asked: pl.DataFrame, found: list[tuple[int, int, float]], reason: str
) -> pl.DataFrame:
    evidence = [
        f"cosine {cosine:.2f} with held-out {held['id'][near]}: {held['question'][near]}"
        for _, near, cosine in found
    ]
    rows = asked[[at for at, _, _ in found]].select("id", "question", "answer")
    return rows.with_columns(
        stage=pl.lit("guard"),
        reason=pl.lit(reason),
        evidence=pl.Series(evidence, dtype=pl.String),
    ).select(*REVIEW_COLUMNS)

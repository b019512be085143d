"""Which rows are shown: drawn evenly and the same every time, so that two readers see the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from distill.report.wording import Excerpt, excerpt, one_line
from distill.table import REAL, TEACHER, is_in

QUESTION_CHARS = 800
ANSWER_CHARS = 1000
REASON_CHARS = 400
TITLE_CHARS = 160
SLICE_CHARS = 60
COLUMNS = (
    "id",
    "slice",
    "question",
    "answer",
    "rationale",
    "source",
    "stage",
    "reason",
    "detail",
    "score",
    "judge_reason",
)
EDGE_PLACES = 9  # scores that differ by less are equally near


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One row as it is shown.

    Args:
        id: The row's id.
        title: The question on one line.
        badge: Why the row fell out; for rows that are in, `real` or the score.
        score: In [0, 1], or `None`.
        slice: The part of the data that it belongs to, "" where it has no name.
        texts: Excerpts by heading; absent where there is no text.
    """

    id: str
    title: str
    badge: str
    score: float | None
    slice: str
    texts: Mapping[str, Excerpt]


def kept(table: pl.DataFrame, rows: int) -> list[Shown]:
    """Return `rows` of the dataset, evenly spaced from its first to its last."""
    return _shown(_spaced(table.filter(is_in()), rows))


def dropped(table: pl.DataFrame, rows: int) -> list[Shown]:
    """Return `rows` that fell out, as many of each reason as possible, evenly spaced in each."""
    return _shown(_by_reason(table.filter(~is_in()), rows))


def nearest(table: pl.DataFrame, threshold: float, rows: int) -> list[Shown]:
    """Return the scored rows nearest to the judge's threshold, in the order of their scores.

    Half of them lie below it and half reach it, as far as there are so many: whether it stands in
    the right place is seen from both sides.

    Args:
        table: Columns of `table.py`.
        threshold: From which score on a row is kept, in [0, 1].
        rows: How many.
    """
    scored = table.filter(pl.col("score").is_not_null() & (pl.col("source") == TEACHER))
    far = (pl.col("score") - threshold).abs().round(EDGE_PLACES)
    scored = scored.sort(far, maintain_order=True)
    sides = [
        scored.filter(pl.col("score") < threshold),
        scored.filter(pl.col("score") >= threshold),
    ]
    sizes = even_shares([side.height for side in sides], rows)
    near = pl.concat([side.head(size) for side, size in zip(sides, sizes, strict=True)])
    near = near.sort("score", maintain_order=True)
    return [replace(one, badge=_score_first(one)) for one in _shown(near)]


def reviewed(review: pl.DataFrame, rows: int) -> list[Shown]:
    """Return `rows` that wait for a human, as many of each reason as possible.

    Args:
        review: Columns `REVIEW_COLUMNS`.
        rows: How many.
    """
    named = review.rename({"evidence": "detail"})
    absent = {name: pl.lit(None) for name in COLUMNS if name not in named.columns}
    return _shown(_by_reason(named.with_columns(**absent), rows))


def even_shares(sizes: list[int], total: int) -> list[int]:
    """Return how many to take of each group so that the smallest shares are as large as possible.

    Args:
        sizes: What each group has, >= 0.
        total: What is wanted of all together, >= 0.
    """
    taken = [0] * len(sizes)
    for _ in range(min(total, sum(sizes))):
        open_groups = [i for i, size in enumerate(sizes) if taken[i] < size]
        taken[min(open_groups, key=lambda i: taken[i])] += 1
    return taken


def _by_reason(table: pl.DataFrame, rows: int) -> pl.DataFrame:
    """Return as many rows of each reason as possible, evenly spaced in each."""
    groups = table.partition_by("stage", "reason", maintain_order=True)
    groups.sort(key=lambda group: (str(group["stage"][0]), str(group["reason"][0])))
    sizes = even_shares([group.height for group in groups], rows)
    drawn = [_spaced(group, size) for group, size in zip(groups, sizes, strict=True)]
    return pl.concat(drawn) if drawn else table


def _spaced(table: pl.DataFrame, rows: int) -> pl.DataFrame:
    if table.height <= rows:
        return table
    last = table.height - 1
    return table[[round(i * last / max(1, rows - 1)) for i in range(rows)]]


def _shown(table: pl.DataFrame) -> list[Shown]:
    return [_one(row) for row in table.select(COLUMNS).iter_rows(named=True)]


def _one(row: Mapping[str, Any]) -> Shown:
    texts = {
        "Question": excerpt(row["question"], QUESTION_CHARS),
        "Rationale": excerpt(row["rationale"], REASON_CHARS),
        "Answer": excerpt(row["answer"], ANSWER_CHARS),
        "Evidence": excerpt(row["detail"], REASON_CHARS),
        "Judge": excerpt(row["judge_reason"], REASON_CHARS),
    }
    return Shown(
        id=one_line(row["id"], TITLE_CHARS),
        title=one_line(row["question"], TITLE_CHARS),
        badge=_badge(row),
        score=row["score"],
        slice=one_line(row["slice"], SLICE_CHARS),
        texts={heading: text for heading, text in texts.items() if text.chars},
    )


def _score_first(one: Shown) -> str:
    # A place more than elsewhere: what just misses the threshold must not read as reaching it.
    score = f"score {one.score:.4g}"
    return score if one.badge.startswith("score ") else f"{score} · {one.badge}"


def _badge(row: Mapping[str, Any]) -> str:
    if row["stage"] is not None:
        return f"{row['stage']}/{row['reason']}"
    if row["source"] == REAL:
        return "real"
    return "no score" if row["score"] is None else f"score {row['score']:.3g}"

"""The rows of two datasets, matched: what only one has and why, and whose answer changed.

Rows are matched by id and question together, because an id may be a line number of another file;
what is left is matched by question, in order. All of it is joins: a hundred thousand rows a side
take a moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from distill.compare.side import Side
from distill.table import is_in

# Why a row is missing on the other side, where it did not fall out there.
NOT_ASKED = "not_asked"
OTHER_ROW = "other_row"


@dataclass(frozen=True, kw_only=True)
class MissingRow:
    """A row that only one dataset has.

    Args:
        id: Of the row.
        question: Its question.
        answer: Its answer.
        why: `stage/reason` on the other side; `not_asked` where that run has no such question,
            `other_row` where it has the question with another row.
        score: The judge's score on the other side, or `None`.
        detail: The evidence or the judge's words on the other side, or `None`.
    """

    id: str
    question: str
    answer: str
    why: str
    score: float | None
    detail: str | None


@dataclass(frozen=True, kw_only=True)
class ChangedRow:
    """A row of both datasets whose answers differ.

    Args:
        id: Of A's row.
        id_b: Of B's row.
        question: Their question.
        a: A's answer.
        b: B's answer.
        score_a: The judge's score in A, or `None`.
        score_b: The same in B.
    """

    id: str
    id_b: str
    question: str
    a: str
    b: str
    score_a: float | None
    score_b: float | None


@dataclass(frozen=True, kw_only=True)
class RowsCompared:
    """Two datasets, row by row.

    Args:
        a: Rows of A's dataset.
        b: Rows of B's dataset.
        same: Rows of both with the same answer.
        changed: Rows of both with another answer.
        reasoned_otherwise: Among `same`, those whose rationale differs.
        by_question: Among both, those that were matched by question, their ids being unequal.
        same_order: Whether the rows of both stand in the same order.
        why_not_in_b: Rows only in A by what became of them in B, the commonest first.
        why_not_in_a: Rows only in B by what became of them in A.
        only_a: The first of the rows that only A has.
        only_b: The first of the rows that only B has.
        changes: The first of the rows with another answer.
    """

    a: int
    b: int
    same: int
    changed: int
    reasoned_otherwise: int
    by_question: int
    same_order: bool
    why_not_in_b: Mapping[str, int]
    why_not_in_a: Mapping[str, int]
    only_a: tuple[MissingRow, ...]
    only_b: tuple[MissingRow, ...]
    changes: tuple[ChangedRow, ...]

    @property
    def both(self) -> int:
        """Rows of both datasets."""
        return self.same + self.changed

    @property
    def rows_only_a(self) -> int:
        """Rows that only A has."""
        return self.a - self.both

    @property
    def rows_only_b(self) -> int:
        """Rows that only B has."""
        return self.b - self.both

    @property
    def identical(self) -> bool:
        """Whether both datasets say the same in the same order."""
        return self.a == self.b == self.same and self.same_order and not self.reasoned_otherwise


def compare_rows(a: Side, b: Side, *, examples: int) -> RowsCompared:
    """Match the rows of two datasets.

    Args:
        a: One run.
        b: The other.
        examples: Rows that are shown of each kind, >= 0.
    """
    left, right = a.dataset.with_row_index("at_a"), b.dataset.with_row_index("at_b")
    pairs = _pairs(left, right)
    both = pairs.join(left, on="at_a").join(right, on="at_b", suffix="_b").sort("at_a")
    is_same = pl.col("answer").eq_missing(pl.col("answer_b"))
    other_reason = is_same & pl.col("rationale").ne_missing(pl.col("rationale_b"))
    counts = both.select(
        same=is_same.sum(),
        reasoned=other_reason.sum(),
        by_question=(pl.col("id") != pl.col("id_b")).sum(),
        ordered=(pl.col("at_b").diff() > 0).all(),
    ).row(0, named=True)
    not_in_b = _explained(left.join(pairs, on="at_a", how="anti").sort("at_a"), b.table)
    not_in_a = _explained(right.join(pairs, on="at_b", how="anti").sort("at_b"), a.table)
    return RowsCompared(
        a=left.height,
        b=right.height,
        same=counts["same"],
        changed=both.height - counts["same"],
        reasoned_otherwise=counts["reasoned"],
        by_question=counts["by_question"],
        same_order=counts["ordered"],
        why_not_in_b=_counted(not_in_b),
        why_not_in_a=_counted(not_in_a),
        only_a=_missing(not_in_b.head(examples)),
        only_b=_missing(not_in_a.head(examples)),
        changes=_changes(both.filter(~is_same).head(examples)),
    )


def _pairs(left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    """Return `at_a` and `at_b` of the rows that belong together, each at most once."""
    found = []
    for keys in (["id", "question"], ["question"]):
        numbered = [_numbered(frame, keys) for frame in (left, right)]
        pairs = numbered[0].join(numbered[1], on=[*keys, "nth"]).select("at_a", "at_b")
        left = left.join(pairs, on="at_a", how="anti")
        right = right.join(pairs, on="at_b", how="anti")
        found.append(pairs)
    return pl.concat(found)


def _numbered(frame: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    at = frame.columns[0]
    # Joins promise no order: the number of a repeated row must not hang on it.
    return frame.sort(at).select(at, *keys, nth=pl.int_range(pl.len()).over(keys))


def _explained(rows: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    """Add what became of each row in the other run: `why`, `other_score`, `other_detail`."""
    fell = pl.format("{}/{}", "stage", "reason")
    told = other.select(
        "id",
        "question",
        why=pl.when(is_in()).then(pl.lit(OTHER_ROW)).otherwise(fell),
        other_score="score",
        other_detail=pl.coalesce("detail", "judge_reason"),
    )
    by_id = told.unique(["id", "question"], keep="first", maintain_order=True)
    # A row that is in says most about its question.
    by_question = (
        told.with_columns(fell=pl.col("why") != OTHER_ROW)
        .sort("fell", maintain_order=True)
        .unique("question", keep="first", maintain_order=True)
        .drop("id", "fell")
    )
    names = ("why", "other_score", "other_detail")
    joined = rows.join(by_id, on=["id", "question"], how="left", maintain_order="left").join(
        by_question, on="question", how="left", maintain_order="left", suffix="_q"
    )
    from_id = pl.col("why").is_not_null()
    return joined.with_columns(
        pl.when(from_id).then(name).otherwise(f"{name}_q").alias(name) for name in names
    ).with_columns(pl.col("why").fill_null(NOT_ASKED))


def _counted(rows: pl.DataFrame) -> dict[str, int]:
    counts = rows.group_by("why").len().sort("len", "why", descending=[True, False])
    return dict(counts.iter_rows())


def _missing(rows: pl.DataFrame) -> tuple[MissingRow, ...]:
    return tuple(
        MissingRow(
            id=row["id"],
            question=row["question"] or "",
            answer=row["answer"] or "",
            why=row["why"],
            score=row["other_score"],
            detail=row["other_detail"],
        )
        for row in rows.iter_rows(named=True)
    )


def _changes(rows: pl.DataFrame) -> tuple[ChangedRow, ...]:
    return tuple(
        ChangedRow(
            id=row["id"],
            id_b=row["id_b"],
            question=row["question"] or "",
            a=row["answer"] or "",
            b=row["answer_b"] or "",
            score_a=row["score"],
            score_b=row["score_b"],
        )
        for row in rows.iter_rows(named=True)
    )

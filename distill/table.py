"""The one table that flows: its columns, and the only way for a row to fall out.

One row is one example: one sample of the teacher for one seed, or one real labelled seed. A stage
adds columns and never deletes a row: a row that falls out keeps its answer and gets a `stage` and
a `reason`, and later stages pass it over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

HUMAN = "human"
SYNTHETIC = "synthetic"
ORIGINS = ("log", HUMAN, SYNTHETIC)
TEACHER = "teacher"
REAL = "real"
# The reason of a row that its judge gave no score.
UNSCORED = "unscored"

SEED_COLUMNS: dict[str, Any] = {
    "id": pl.String,  # the seed's id; `#k` is appended for sample k >= 1
    "seed_id": pl.String,  # the seed that the row belongs to
    "sample": pl.Int64,  # index of the teacher's sample, from 0
    "question": pl.String,  # the real input
    "origin": pl.String,  # one of ORIGINS
    "source": pl.String,  # who gives the answer: TEACHER or REAL (a human label of the seeds file)
    "parent_id": pl.String,  # the real seed that an augmented seed was made from
    "reference": pl.String,  # the human answer where the seeds file has one
    "slice": pl.String,  # a name for the part of the data that the row belongs to
    "extra": pl.String,  # JSON object of the other keys of the seeds file
    "stage": pl.String,  # the stage in which the row fell out; null while it is in
    "reason": pl.String,  # why, one word or two joined by `_`; null while it is in
    "detail": pl.String,  # the evidence, where there is more to say
}
GENERATED_COLUMNS: dict[str, Any] = {
    "request_key": pl.String,  # the response's key in the ledger; the first, where there are votes
    "served_model": pl.String,  # the model id that the provider says it served
    "stop_reason": pl.String,  # the provider's stop reason
    "answer": pl.String,  # what the student is to say
    "rationale": pl.String,  # the reasoning before the answer, where the task has it
    "label_probs": pl.List(pl.Float64),  # (labels,) in the task's order, sums to 1
    "raw_label_probs": pl.List(pl.Float64),  # the same before calibration
}
# Of `canaries.parquet`, a table of its own: one row a reply of the teacher to a canary question.
CANARY_COLUMNS: dict[str, Any] = {
    "seed_id": pl.String,  # the seed that the question is from
    "question": pl.String,  # the real input
    "sample": pl.Int64,  # index of the reply, from 0
    "request_key": pl.String,  # the response's key in the ledger; the first, where there are more
    "served_model": pl.String,  # the model id that the provider says it served
    "stop_reason": pl.String,  # the provider's stop reason
    "text": pl.String,  # the whole reply
    "answer": pl.String,  # the answer in it as the task reads it; null where it reads none
    "label_probs": pl.List(pl.Float64),  # (labels,) in the task's order, not calibrated
}
JUDGED_COLUMNS: dict[str, Any] = {
    "score": pl.Float64,  # [0, 1]; null where the judge gave none
    "judge_scores": pl.String,  # JSON object of the raw scores, before weights and threshold
    "judge_reason": pl.String,  # the judge's own words
    "judge_key": pl.String,  # the response's key in the ledger
}
# Of `review.jsonl`, a table of its own: one row a thing that a human should look at.
REVIEW_COLUMNS: dict[str, Any] = {
    "id": pl.String,  # of the row of the one table; the seed's id before there are answers
    "question": pl.String,  # the real input
    "answer": pl.String,  # what the student is to say; null where there is none
    "stage": pl.String,  # who is in doubt: `filter`, `guard`, …
    "reason": pl.String,  # its name in the config
    "evidence": pl.String,  # what the doubt rests on, in words; null where the reason says it all
}


def is_in() -> pl.Expr:
    """Select the rows that have not fallen out."""
    return pl.col("stage").is_null()


def to_ask() -> pl.Expr:
    """Select the rows that are in and whose answer comes from the teacher."""
    return is_in() & (pl.col("source") == TEACHER)


def add_columns(table: pl.DataFrame, columns: Mapping[str, Any]) -> pl.DataFrame:
    """Return `table` with those of `columns` that it lacks, all null."""
    return table.with_columns(
        pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in columns.items()
        if name not in table.columns
    )


def fill(
    table: pl.DataFrame, rows: Iterable[Mapping[str, Any]], schema: Mapping[str, Any]
) -> pl.DataFrame:
    """Return `table` with the cells of `rows` written in, found by `id`; the order stays.

    Args:
        table: Columns of `table.py`.
        rows: Mappings with `id` and any of the names of `schema`.
        schema: Names and dtypes of the cells that `rows` may bring.
    """
    cells = pl.DataFrame(list(rows), schema={"id": pl.String, **schema}).rename(
        {name: f"{name}_new" for name in schema}
    )
    joined = add_columns(table, schema).join(cells, on="id", how="left", maintain_order="left")
    return joined.with_columns(
        pl.coalesce(f"{name}_new", name).alias(name) for name in schema
    ).drop(f"{name}_new" for name in schema)


def drop(
    table: pl.DataFrame, where: pl.Expr | pl.Series, *, stage: str, reason: str
) -> pl.DataFrame:
    """Mark the rows that are in and match `where` as fallen out.

    Args:
        table: Columns of `table.py`.
        where: True for the rows that fall out; null counts as false.
        stage: The stage that drops them.
        reason: The reason.
    """
    condition = pl.lit(where) if isinstance(where, pl.Series) else where
    falls = is_in() & condition.fill_null(value=False)
    return table.with_columns(
        stage=pl.when(falls).then(pl.lit(stage)).otherwise("stage"),
        reason=pl.when(falls).then(pl.lit(reason)).otherwise("reason"),
    )


def count_in(table: pl.DataFrame) -> int:
    """Count the rows that are still in."""
    return int(table.select(is_in().sum()).item())


def rejected_counts(table: pl.DataFrame) -> dict[str, int]:
    """Count the rows that fell out, by `stage/reason`, in the order of the names."""
    fallen = table.filter(~is_in()).group_by("stage", "reason").len().sort("stage", "reason")
    return {f"{stage}/{reason}": n for stage, reason, n in fallen.iter_rows()}

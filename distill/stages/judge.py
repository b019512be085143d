"""Let a judge score what the filters left, and drop what scores below the threshold."""

from __future__ import annotations

import json

import polars as pl

from distill.judges import Judge, Verdict
from distill.models.client import ModelClient
from distill.table import JUDGED_COLUMNS, TEACHER, UNSCORED, add_columns, drop, fill, to_ask
from distill.tasks import Task

STAGE = "judge"
BELOW_THRESHOLD = "below_threshold"


def judge(
    table: pl.DataFrame, *, judge: Judge | None, task: Task, client: ModelClient
) -> pl.DataFrame:
    """Add scores and drop the rows below the threshold.

    Returns:
        The table with `JUDGED_COLUMNS`; without a judge they are all null and nothing falls out.
        A row that the judge could not score falls out as `unscored`, whatever the threshold.
    """
    if judge is None:
        return add_columns(table, JUDGED_COLUMNS)
    rows = table.filter(to_ask())
    verdicts = judge.score(rows, task, client)
    cells = (
        _cells(row, verdict) for row, verdict in zip(rows["id"].to_list(), verdicts, strict=True)
    )
    table = fill(table, cells, JUDGED_COLUMNS)
    asked = pl.col("source") == TEACHER
    table = drop(table, asked & pl.col("score").is_null(), stage=STAGE, reason=UNSCORED)
    low = pl.col("score") < judge.threshold
    return drop(table, asked & low, stage=STAGE, reason=BELOW_THRESHOLD)


def _cells(row: str, verdict: Verdict) -> dict[str, object]:
    raw = None if verdict.raw is None else json.dumps(dict(verdict.raw), sort_keys=True)
    return {
        "id": row,
        "score": verdict.score,
        "judge_scores": raw,
        "judge_reason": verdict.reason,
        "judge_key": verdict.key or None,
    }

"""Let a judge score what the filters left, and drop what scores below the threshold.

A judge that is watched scores known-bad answers among the rest. They never become rows: what came
of them is returned beside the table, for the guard `judge_canaries`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from distill.judges import Canary, Judge, Verdict, Watch, Watched
from distill.models.client import ModelClient
from distill.table import (
    JUDGED_COLUMNS,
    PAIR_COLUMNS,
    TEACHER,
    UNSCORED,
    add_columns,
    drop,
    fill,
    to_ask,
)
from distill.tasks import Task

STAGE = "judge"
BELOW_THRESHOLD = "below_threshold"


def judge(
    table: pl.DataFrame, *, judge: Judge | None, task: Task, client: ModelClient, seed: int
) -> tuple[pl.DataFrame, Watch | None]:
    """Add scores and drop the rows below the threshold; known-bad answers are scored among them.

    Args:
        table: Columns of `table.py`.
        judge: Who scores, or `None`.
        task: What was asked.
        client: Answers out of the ledger where it can.
        seed: Of the draw of canaries and of their places.

    Returns:
        The table with `JUDGED_COLUMNS`; without a judge they are all null and nothing falls out.
        A row that the judge could not score falls out as `unscored`, whatever the threshold.
        Beside it what came of the canaries, `None` where there are none.
    """
    rows = table.filter(to_ask())
    canaries = drawn_for(judge, rows, task, seed)
    if judge is None or not canaries:
        verdicts = [] if judge is None else judge.score(rows, task, client)
        return _filled(table, rows, judge, verdicts), None
    mixed, places = mixed_in(rows, canaries, seed)
    verdicts = judge.score(mixed, task, client)
    at = dict(zip(places, canaries, strict=True))
    watch = Watch(
        wanted=getattr(judge, "canaries", len(canaries)),
        threshold=judge.threshold,
        answers=tuple((canary, verdicts[place]) for place, canary in at.items()),
    )
    own = [verdict for i, verdict in enumerate(verdicts) if i not in at]
    return _filled(table, rows, judge, own), watch


def drawn_for(judge: Judge | None, rows: pl.DataFrame, task: Task, seed: int) -> list[Canary]:
    """Return the canaries that a judge wants among `rows`; none where it is not watched."""
    return judge.draw_canaries(rows, task, seed) if isinstance(judge, Watched) else []


def mixed_in(
    rows: pl.DataFrame, canaries: Sequence[Canary], seed: int
) -> tuple[pl.DataFrame, list[int]]:
    """Put canaries among the rows, as rows that differ from those they stand for in the answer.

    Args:
        rows: What is to be judged.
        canaries: Each names one of `rows`.
        seed: Of their places.

    Returns:
        The rows in their order with the canaries between them, and the places of the canaries.
    """
    height = rows.height + len(canaries)
    drawn = np.random.default_rng(seed).permutation(height)[: len(canaries)]
    places = sorted(int(place) for place in drawn)
    index = {row: i for i, row in enumerate(rows["id"])}
    bad = rows[[index[canary.row] for canary in canaries]].with_columns(
        answer=pl.Series([canary.answer for canary in canaries], dtype=pl.String),
    )
    taken = set(places)
    free = [place for place in range(height) if place not in taken]
    order = pl.Series([*free, *places], dtype=pl.Int64)
    return pl.concat([rows, bad])[order.arg_sort()], places


def _filled(
    table: pl.DataFrame, rows: pl.DataFrame, judge: Judge | None, verdicts: Sequence[Verdict]
) -> pl.DataFrame:
    if judge is None:
        return add_columns(table, JUDGED_COLUMNS)
    cells = (
        _cells(row, verdict) for row, verdict in zip(rows["id"].to_list(), verdicts, strict=True)
    )
    table = fill(table, cells, JUDGED_COLUMNS)
    table = _paired(table, rows, verdicts)
    asked = pl.col("source") == TEACHER
    table = drop(table, asked & pl.col("score").is_null(), stage=STAGE, reason=UNSCORED)
    low = pl.col("score") < judge.threshold
    return drop(table, asked & low, stage=STAGE, reason=BELOW_THRESHOLD)


def _paired(table: pl.DataFrame, rows: pl.DataFrame, verdicts: Sequence[Verdict]) -> pl.DataFrame:
    """Put beside each row that was preferred to another one that other one's answer."""
    over = {
        row: verdict.over
        for row, verdict in zip(rows["id"], verdicts, strict=True)
        if verdict.over is not None
    }
    if not over:
        return table
    answers = dict(rows.select("id", "answer").iter_rows())
    cells = (
        {"id": row, "rejected_id": other, "rejected_answer": answers[other]}
        for row, other in over.items()
    )
    return fill(table, cells, PAIR_COLUMNS)


def _cells(row: str, verdict: Verdict) -> dict[str, object]:
    return {
        "id": row,
        "score": verdict.score,
        "judge_scores": verdict.raw_as_json(),
        "judge_reason": verdict.reason,
        "judge_key": verdict.key or None,
    }

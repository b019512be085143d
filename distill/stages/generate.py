"""Let the teacher answer: one row a sample, every response in the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import polars as pl

from distill.models.client import ModelClient
from distill.models.protocol import Failure, Model, Outcome, Reply
from distill.table import GENERATED_COLUMNS, REAL, fill, to_ask
from distill.tasks import Answer, Task

STAGE = "generate"
FELL = {"stage": pl.String, "reason": pl.String, "detail": pl.String}


def generate(
    table: pl.DataFrame, *, task: Task, teacher: Model, client: ModelClient
) -> pl.DataFrame:
    """Add the teacher's answers; real rows get their human answer.

    Returns:
        The table with `GENERATED_COLUMNS`. A row without a usable answer falls out in this stage:
        `refusal`, `max_tokens`, `empty`, `error` or a reason of the task's own.
    """
    table = one_row_a_sample(table, task.rows_per_seed(teacher))
    rows = table.filter(to_ask()).select("id", "question", "sample")
    answered = answer_all(
        rows["question"].to_list(),
        rows["sample"].to_list(),
        task=task,
        teacher=teacher,
        client=client,
    )
    cells = (
        cells_of(row, answer, outcomes)
        for row, (answer, outcomes) in zip(rows["id"], answered, strict=True)
    )
    table = fill(table, cells, GENERATED_COLUMNS | FELL)
    is_real = pl.col("source") == REAL
    table = table.with_columns(answer=pl.when(is_real).then("reference").otherwise("answer"))
    return task.finish(table)


def one_row_a_sample(table: pl.DataFrame, samples: int) -> pl.DataFrame:
    """Repeat each row that the teacher answers `samples` times, next to each other.

    Sample 0 keeps the seed's id; sample k >= 1 gets `#k` appended.
    """
    if samples == 1:
        return table
    asked = pl.when(to_ask()).then(pl.lit(samples)).otherwise(1)
    return (
        table.with_columns(sample=pl.int_ranges(0, asked))
        .explode("sample")
        .with_columns(
            id=pl.when(pl.col("sample") == 0)
            .then("id")
            .otherwise(pl.format("{}#{}", "id", "sample"))
        )
    )


def answer_all(
    questions: Sequence[str],
    samples: Sequence[int],
    *,
    task: Task,
    teacher: Model,
    client: ModelClient,
) -> Iterator[tuple[Answer, list[Outcome]]]:
    """Ask all questions at once and yield each one's answer with what it was read from.

    A question with a request that failed for good has no answer: `error`, with the evidence.
    """
    asked = [
        task.requests(question, sample=sample, model=teacher)
        for question, sample in zip(questions, samples, strict=True)
    ]
    outcomes = iter(client.ask("teacher", teacher, [r for requests in asked for r in requests]))
    for requests in asked:
        mine = list(islice(outcomes, len(requests)))
        failed = next((out for out in mine if isinstance(out, Failure)), None)
        if failed is not None:
            yield Answer(reason="error", detail=failed.detail), mine
        else:
            yield task.read([out for out in mine if isinstance(out, Reply)]), mine


def cells_of(row: str, answer: Answer, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the cells of one row, by column."""
    first = outcomes[0]
    reply = first if isinstance(first, Reply) else None
    return {
        "id": row,
        "request_key": first.key,
        "served_model": reply and reply.served_model,
        "stop_reason": reply and reply.stop_reason,
        "answer": answer.answer,
        "rationale": answer.rationale,
        "label_probs": answer.label_probs,
        "stage": STAGE if answer.reason else None,
        "reason": answer.reason,
        "detail": answer.detail,
    }

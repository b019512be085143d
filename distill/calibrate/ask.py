"""Let the configured judge score answers, once and again, as a run would."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from distill.judges import Judge, Verdict
from distill.ledger import Ledger
from distill.models.budget import Budget
from distill.models.client import ModelClient
from distill.models.protocol import Model, Outcome, Request
from distill.progress import Progress
from distill.table import GENERATED_COLUMNS, HUMAN, SEED_COLUMNS, TEACHER, add_columns
from distill.tasks import Task

# Sample index of the first judgement that is asked again, and the room that each has.
FIRST_SAMPLE = 3_000_000
SAMPLES_APART = 1000


class AgainClient(ModelClient):
    """Asks the same once more: every sample index is moved out of the way of the first judgement.

    Args:
        ledger: Where every response is kept.
        budget: The dollar cap.
        progress: Where progress is shown.
        like: Whose spend and used keys it shares.
        shift: What is added to the sample indices.
    """

    def __init__(
        self, ledger: Ledger, budget: Budget, progress: Progress, *, like: ModelClient, shift: int
    ) -> None:
        super().__init__(ledger, budget, progress)
        self.spend, self.used = like.spend, like.used
        self._shift = shift

    def ask(self, role: str, model: Model, requests: Sequence[Request]) -> Iterable[Outcome]:
        """Answer `requests` as `ModelClient.ask` does, as further samples."""
        moved = [replace(request, sample=request.sample + self._shift) for request in requests]
        return super().ask(role, model, moved)


def judged(frame: pl.DataFrame, *, judge: Judge, task: Task, client: ModelClient) -> list[Verdict]:
    """Return one verdict a row.

    Args:
        frame: Columns `id`, `question`, `answer` and `reference`; answers to one question are
            what a judge that compares may compare.
        judge: Who scores.
        task: What was asked.
        client: Answers out of the ledger where it can.
    """
    table = frame.select(
        "id",
        "question",
        "answer",
        "reference",
        seed_id="question",
        sample=pl.lit(0, dtype=pl.Int64),
        origin=pl.lit(HUMAN),
        source=pl.lit(TEACHER),
    )
    return judge.score(add_columns(table, SEED_COLUMNS | GENERATED_COLUMNS), task, client)


def judged_again(
    frame: pl.DataFrame,
    *,
    judge: Judge,
    task: Task,
    clients: Iterable[ModelClient],
) -> list[list[float | None]]:
    """Return, a row, one further score a client; other arguments are those of `judged`."""
    draws = [
        [verdict.score for verdict in judged(frame, judge=judge, task=task, client=client)]
        for client in clients
    ]
    return [list(own) for own in zip(*draws, strict=True)]


def drawn(rows: int, wanted: int, seed: int) -> list[int]:
    """Return `wanted` of so many rows, or all of fewer, in their order."""
    chosen = np.random.default_rng(seed).permutation(rows)[:wanted]
    return [int(i) for i in np.sort(chosen)]

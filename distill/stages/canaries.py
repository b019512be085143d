"""Ask the teacher a few questions several times each, so that it can be asked again later.

The replies are draws of their own: never rows of the dataset, and under sample indices that no
dataset reaches, so that a sampled teacher is not compared with the draw that it already gave.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import polars as pl

from distill.models.client import ModelClient
from distill.models.protocol import Model, Reply, Request
from distill.plan import DriftSettings
from distill.stages.augment import STAGE as AUGMENT
from distill.table import CANARY_COLUMNS, TEACHER
from distill.tasks import Task

# Sample index of a canary's first reply; the samples of a dataset stay far below.
FIRST_SAMPLE = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Canaries:
    """What the teacher said to its canary questions.

    Args:
        replies: Columns `CANARY_COLUMNS`, in the order of the questions.
        questions: Questions that were asked.
        samples: Replies asked for each.
        failed: Replies that are missing because a request failed for good.
    """

    replies: pl.DataFrame
    questions: int
    samples: int
    failed: int

    def counts(self) -> dict[str, int]:
        """Return the manifest's figures."""
        return {
            "questions": self.questions,
            "samples": self.samples,
            "replies": self.replies.height,
            "failed": self.failed,
        }


def ask_canaries(
    table: pl.DataFrame,
    *,
    drift: DriftSettings,
    task: Task,
    teacher: Model,
    client: ModelClient,
    seed: int,
) -> Canaries:
    """Draw canary questions among the seeds that the teacher answers, and ask them.

    Args:
        table: Columns of `table.py`; rows that fell out count too, the teacher answered them, but
            for new questions that were dropped before anybody answered them.
        drift: How many questions and samples.
        task: How a question is put and a reply is read.
        teacher: Who is asked.
        client: Answers out of the ledger where it can.
        seed: Of the draw.
    """
    seeds = (
        table.filter((pl.col("source") == TEACHER) & (pl.col("sample") == 0))
        .filter(pl.col("stage").ne_missing(AUGMENT))
        .unique("question", keep="first", maintain_order=True)
        .select("seed_id", "question")
    )
    drawn = np.random.default_rng(seed).permutation(seeds.height)[: drift.questions]
    return ask_samples(
        seeds[np.sort(drawn)],
        samples=drift.samples,
        first_sample=FIRST_SAMPLE,
        task=task,
        teacher=teacher,
        client=client,
    )


def ask_samples(
    questions: pl.DataFrame,
    *,
    samples: int,
    first_sample: int,
    task: Task,
    teacher: Model,
    client: ModelClient,
) -> Canaries:
    """Ask every question `samples` times.

    Args:
        questions: `seed_id` and `question`, each question once.
        samples: Replies to each, >= 1.
        first_sample: Sample index of the first reply; the others follow it.
        task: How a question is put and a reply is read.
        teacher: Who is asked.
        client: Answers out of the ledger where it can.
    """
    rows = [(*row, k) for row in questions.rows() for k in range(samples)]
    asked = [
        [
            replace(request, sample=first_sample + k)
            for request in one_draw(task.requests(question, sample=0, model=teacher))
        ]
        for _, question, k in rows
    ]
    outcomes = iter(client.ask("teacher", teacher, [r for requests in asked for r in requests]))
    cells = []
    for (seed_id, question, k), requests in zip(rows, asked, strict=True):
        mine = list(islice(outcomes, len(requests)))
        replies = [out for out in mine if isinstance(out, Reply)]
        if len(replies) < len(mine):
            continue
        answer = task.read(replies)
        cells.append(
            {
                "seed_id": seed_id,
                "question": question,
                "sample": k,
                "request_key": replies[0].key,
                "served_model": replies[0].served_model,
                "stop_reason": replies[0].stop_reason,
                "text": "\n\n".join(reply.text for reply in replies),
                "answer": answer.answer,
                "label_probs": answer.label_probs,
            }
        )
    return Canaries(
        replies=pl.DataFrame(cells, schema=CANARY_COLUMNS),
        questions=questions.height,
        samples=samples,
        failed=len(rows) - len(cells),
    )


def one_draw(requests: Sequence[Request]) -> list[Request]:
    """Return the requests that differ in more than their sample: the others are further draws.

    A task that reads votes asks the same several times; of a canary each reply is a draw.
    """
    kept: list[Request] = []
    for request in requests:
        plain = replace(request, sample=0)
        if plain not in kept:
            kept.append(plain)
    return kept

"""What a run would ask, found by running its stages on what the ledger answers; no model is asked.

A row whose answer is missing goes no further, as a request that failed would not: what the judge
would be asked about it cannot be known before.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from distill.ledger.store import Ledger
from distill.looking import (
    Asked,
    LookingClient,
    asked_of,
    look_at_heldout,
    unanswered,
)
from distill.models.protocol import Failure, Model, Outcome, Request
from distill.plan import Plan
from distill.stages import augment
from distill.stages.filter import apply_filters
from distill.stages.generate import STAGE, generate
from distill.stages.judge import judge
from distill.stages.read import read_heldout, read_seeds
from distill.stages.screen import screen_of
from distill.stages.synthetic import read_synthetic
from distill.table import count_in, to_ask


@dataclass
class Questions:
    """All requests of a run, as far as they can be known.

    Args:
        answered: Requests that the ledger answers, by role.
        known: The keys of those, by role.
        misses: Those that it does not, in the order in which they would be made.
        waiting: Rows that a judge would be asked about once their answer is there.
        unwritten: New questions that the teacher would be asked once they are written.
    """

    answered: dict[str, int] = field(default_factory=dict)
    known: dict[str, set[str]] = field(default_factory=dict)
    misses: list[Asked] = field(default_factory=list)
    waiting: int = 0
    unwritten: int = 0

    def missing(self, role: str) -> int:
        """Count the misses of one role."""
        return sum(miss.role == role for miss in self.misses)


def questions_of(plan: Plan, ledger: Ledger) -> Questions:
    """Find out what a run would ask.

    Raises:
        DataError: the run's files have faults.
        LedgerError: the ledger cannot be read.
    """
    client = _NobodyClient(ledger)
    table, _ = read_seeds(plan.seeds, seed=plan.seed)
    heldout = read_heldout(plan.heldout)
    if plan.augment is not None:
        table = augment.augment(
            table,
            augmenter=plan.augment,
            model=plan.augment.via or plan.teacher,
            client=client,
            screen=screen_of(None if heldout is None else heldout.frame, plan.augment),
            seed=plan.seed,
        )
        unwritten = (pl.col("stage") == augment.STAGE) & (pl.col("reason") == "error")
        client.questions.unwritten = table.filter(unwritten).height
    wanted = count_in(table.filter(to_ask())) * plan.task.rows_per_seed(plan.teacher)
    table = generate(table, task=plan.task, teacher=plan.teacher, client=client)
    questions = client.questions
    if plan.judge is not None and plan.judge.endpoint is not None:
        without = (pl.col("stage") == STAGE) & (pl.col("reason") == "error")
        questions.waiting = table.filter(without).height
        if questions.waiting < wanted:
            table = apply_filters(table, plan.filters)
            judge(table, judge=plan.judge, task=plan.task, client=client, seed=plan.seed)
    synthetic = read_synthetic(plan.evaluate.synthetic_heldout, plan.heldout)
    look_at_heldout(plan, heldout, synthetic, client)
    return questions


class _NobodyClient(LookingClient):
    """Answers out of the ledger, and writes down what it cannot answer."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self.questions = Questions()
        self._seen: dict[tuple[str, str], Outcome] = {}

    def ask(self, role: str, model: Model, requests: Sequence[Request]) -> list[Outcome]:
        """Answer `requests`, in their order; what is not stored is a `Failure`."""
        asked = [asked_of(role, model, request) for request in requests]
        new = {one.key: one for one in asked if (role, one.key) not in self._seen}
        found = self._replies(model, list(new))
        for key, one in new.items():
            self._seen[role, key] = found.get(key) or unanswered(key)
            if key not in found:
                self.questions.misses.append(one)
        self.questions.known.setdefault(role, set()).update(found)
        before = self.questions.answered.get(role, 0)
        self.questions.answered[role] = before + len(found)
        return [self._seen[role, one.key] for one in asked]

    def _replies(self, model: Model, keys: Sequence[str]) -> dict[str, Outcome]:
        replies: dict[str, Outcome] = {}
        for key, body in self._ledger.bodies(keys):
            try:
                replies[key] = replace(model.read(json.loads(body)), key=key, cached=True)
            except ValueError as error:
                replies[key] = Failure(detail=str(error), key=key)
        return replies

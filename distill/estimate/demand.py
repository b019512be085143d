"""What a run would ask: its own stages, walked with a client that pays for nothing.

Rows that the ledger answers go the whole way: they are filtered, and what the judge would be asked
about them is known to the letter. A row whose answer is missing gets a stand-in of the length that
an answer is expected to have, so that the judge's request about it can be counted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from distill.estimate.heldout import look_at_evaluation, stand_in
from distill.estimate.stored import Held, StoredResponses
from distill.judges import Judge
from distill.ledger import canonical_json
from distill.looking import (
    MISSING,
    LookingClient,
    asked_of,
    unanswered,
)
from distill.models.answers import Answers
from distill.models.budget import worst_input_tokens
from distill.models.pace import BYTES_A_TOKEN
from distill.models.protocol import Failure, Model, Outcome, Request
from distill.plan import Plan
from distill.record import RunRecord, heldout_of
from distill.run import prepare
from distill.stages import augment
from distill.stages.canaries import ask_canaries
from distill.stages.filter import apply_filters
from distill.stages.generate import STAGE, generate
from distill.stages.judge import drawn_for, judge, mixed_in
from distill.stages.screen import screen_of
from distill.table import TEACHER, count_in, is_in

QUESTIONS, ANSWERS, CANARIES = "new questions", "answers", "canaries"
GRADES, GRADES_TO_COME = "grades", "grades to come"
# So many answers say which share of them the filters leave.
ENOUGH_ROWS = 20
FATE = ("stage", "reason", "detail")
# What differs from request to request; the rest is the frame that they share.
NOT_FRAME = frozenset({"messages", "model", "max_tokens", "max_completion_tokens", "seed"})


@dataclass(slots=True)
class Wish:
    """A request that the ledger cannot answer.

    Args:
        request: What would be asked.
        bytes: Length of what would be sent.
        worst_tokens: The most tokens that it can have.
        weight: How likely it is asked at all, in [0, 1].
    """

    request: Request
    bytes: int
    worst_tokens: int
    weight: float = 1.0


@dataclass
class Group:
    """Requests of one kind.

    Args:
        role: `augment`, `teacher`, `judge`, `student`, `student_base` or `metric_judge`.
        what: What they are for.
        model: Who is asked.
        frame: Canonical JSON of what they share beside model, limits and messages.
        missing: What would be paid for, by ledger key.
        held: What the ledger answers, by ledger key.
    """

    role: str
    what: str
    model: Model
    frame: str
    missing: dict[str, Wish] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)

    @property
    def identity(self) -> tuple[str, ...]:
        """What two groups have in common that can be estimated as one."""
        model = self.model
        mode = str(getattr(model, "mode", ""))
        which = (model.provider, model.namespace, model.model, str(model.max_tokens), mode)
        return (self.role, self.what, *which, self.frame)

    def text(self, wish: Wish) -> str:
        """Return the canonical JSON of what would be sent."""
        return canonical_json(self.model.wire(wish.request))


# Says how many tokens one reply of a group is expected to have.
AnswerTokens = Callable[[Group], float]


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What one run would ask.

    Args:
        groups: By kind, in the order of the stages.
        max_usd: The run's dollar cap, or `None`.
        under_way: Keys of missing requests that are in batches under way.
        notes: What was assumed.
    """

    groups: tuple[Group, ...]
    max_usd: float | None
    under_way: frozenset[str]
    notes: tuple[str, ...]


def demand_of(plan: Plan, stored: StoredResponses, *, answer_tokens: AnswerTokens) -> Demand:
    """Find out what a run would ask, with no model call and nothing written.

    Args:
        plan: Built and validated.
        stored: What is paid for already.
        answer_tokens: Says how long an answer to the seeds is expected to be.

    Raises:
        DistillError: what would end the run before its first call: faults of its files, a guard,
            a stored response of another model.
    """
    record = prepare(plan)
    client = Looking(stored)
    table, notes = _new_questions(record, client)
    table = generate(table, task=plan.task, teacher=plan.teacher, client=client)
    if plan.judge is not None and plan.judge.endpoint is not None:
        notes += _grades(table, plan, client, answer_tokens)
        notes += _votes(plan.judge, plan.judge.endpoint, client)
    if plan.drift.questions:
        client.what = CANARIES
        ask_canaries(
            table,
            drift=plan.drift,
            task=plan.task,
            teacher=plan.teacher,
            client=client,
            seed=plan.seed,
        )
    notes += look_at_evaluation(record, client, answer_tokens)
    groups = tuple(client.groups.values())
    return Demand(
        groups=groups,
        max_usd=plan.budget.max_usd,
        under_way=frozenset(stored.expected(key for group in groups for key in group.missing)),
        notes=tuple(notes),
    )


def union(demands: Sequence[Demand]) -> list[Group]:
    """Return the requests of several runs that share a ledger: what several want counts once."""
    groups: dict[tuple[str, ...], Group] = {}
    for group in (group for demand in demands for group in demand.groups):
        whole = groups.setdefault(
            group.identity, Group(group.role, group.what, group.model, group.frame)
        )
        whole.held |= group.held
        for key, wish in group.missing.items():
            known = whole.missing.setdefault(key, wish)
            if wish.weight > known.weight:
                whole.missing[key] = wish
    return list(groups.values())


def _new_questions(record: RunRecord, client: Looking) -> tuple[pl.DataFrame, list[str]]:
    """Let the augmenter look; a new question that is not known yet gets a stand-in.

    Returns:
        The seeds and the new questions that are in, and what was assumed.
    """
    plan = record.plan
    if plan.augment is None:
        return record.table, []
    client.what = QUESTIONS
    table = augment.augment(
        record.table,
        augmenter=plan.augment,
        model=plan.augment.via or plan.teacher,
        client=client,
        screen=screen_of(heldout_of(record), plan.augment),
        seed=plan.seed,
    )
    client.what = ANSWERS
    to_come = (pl.col("stage") == augment.STAGE) & (pl.col("detail") == MISSING)
    count = table.filter(to_come).height
    # A stand-in is the parent's text; the id makes it a question of its own.
    table = table.with_columns(
        question=pl.when(to_come)
        .then(pl.format("{} ({})", "question", "id"))
        .otherwise("question"),
        **{name: pl.when(to_come).then(None).otherwise(name).alias(name) for name in FATE},
    ).filter(is_in())
    notes = [f"at most {count} new questions: those that come out badly are not answered"]
    return table, notes if count else []


def _grades(
    table: pl.DataFrame, plan: Plan, client: Looking, answer_tokens: AnswerTokens
) -> list[str]:
    """Let the judge look at what is answered, and at stand-ins for what is not."""
    assert plan.judge is not None  # noqa: S101 - the caller has looked
    missing = (
        (pl.col("source") == TEACHER) & (pl.col("stage") == STAGE) & (pl.col("detail") == MISSING)
    )
    to_come = table.filter(missing)
    answered = table.filter((pl.col("source") == TEACHER) & ~missing.fill_null(value=False)).height
    kept = 0
    if answered:
        table = apply_filters(table, plan.filters)
        client.what = GRADES
        kept = count_in(table.filter(pl.col("source") == TEACHER))
        judge(table, judge=plan.judge, task=plan.task, client=client, seed=plan.seed)
    if to_come.is_empty():
        return []
    share = kept / answered if answered >= ENOUGH_ROWS else 1.0
    wanted = next(group for group in client.groups.values() if group.what == ANSWERS)
    tokens = answer_tokens(wanted)
    client.what, client.weight = GRADES_TO_COME, share
    # An answer of full length, a token a byte: what the stand-in lacks of that.
    client.slack = round(max(0.0, plan.teacher.max_tokens - tokens) * BYTES_A_TOKEN)
    stand_ins = to_come.with_columns(
        answer=pl.Series([stand_in(row, tokens) for row in to_come["id"]], dtype=pl.String)
    )
    if not kept:
        canaries = drawn_for(plan.judge, stand_ins, plan.task, plan.seed)
        stand_ins, _ = mixed_in(stand_ins, canaries, plan.seed)
    plan.judge.score(stand_ins, plan.task, client)
    client.weight, client.slack = 1.0, 0
    if answered >= ENOUGH_ROWS:
        return [f"{share:.0%} of the answers to come pass the filters, as of the {answered} here"]
    return ["every answer to come passes the filters"] if plan.filters else []


def _votes(judge: Judge, model: Model, client: Looking) -> list[str]:
    """Say that votes which hang on a grade to come are counted as if all were asked for."""
    in_band = getattr(judge, "band", None) is not None and model.samples > 1
    if in_band and any(group.role == "judge" and group.missing for group in client.groups.values()):
        return [
            f"every grade to come gets all {model.samples} votes, the most that judge.band asks"
        ]
    return []


class Looking(LookingClient):
    """Answers out of the ledger and writes down what it cannot answer.

    Args:
        stored: What is paid for already.
    """

    def __init__(self, stored: StoredResponses) -> None:
        super().__init__(stored)
        self.groups: dict[tuple[str, ...], Group] = {}
        self.what, self.weight, self.slack = ANSWERS, 1.0, 0
        self._stored = stored
        self._met: set[tuple[str, str]] = set()

    def ask(self, role: str, model: Model, requests: Sequence[Request]) -> Iterable[Outcome]:
        """Answer what the ledger holds; everything else is a `Failure`."""
        asked = [asked_of(role, model, request) for request in requests]
        if not asked:
            return []
        keys = [one.key for one in asked]
        group = Group(role, self.what, model, frame_of(asked[0].body))
        group = self.groups.setdefault(group.identity, group)
        held = dict(self._stored.held(dict.fromkeys(keys)))
        for stored in held.values():
            model.check_served(stored.served_model)
        failures: dict[str, Failure] = {}
        for key, request, one in zip(keys, requests, asked, strict=True):
            if key not in held:
                failures[key] = unanswered(key)
            if (role, key) in self._met:
                continue
            self._met.add((role, key))
            if key in held:
                group.held[key] = held[key]
            else:
                group.missing[key] = self._wish(request, one.body)
        return Answers(self._stored, model, keys, failures, frozenset())

    def _wish(self, request: Request, body: Mapping[str, Any]) -> Wish:
        text = canonical_json(body)
        worst = worst_input_tokens(text) + self.slack
        return Wish(request, len(text.encode()), worst, self.weight)


def frame_of(body: Mapping[str, Any]) -> str:
    """Return what a request shares with others of its kind, as canonical JSON."""
    return canonical_json({key: value for key, value in body.items() if key not in NOT_FRAME})


def frame_and_prompt(request: str) -> tuple[str, str]:
    """Return the frame of a stored request, and its last user turn.

    Raises:
        ValueError: it is none of ours.
    """
    body = json.loads(request)
    try:
        return frame_of(body), str(body["messages"][-1]["content"])
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(f"no request: {error!r}") from error

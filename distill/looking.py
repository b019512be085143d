"""A client that pays for nothing: it answers out of the ledger and notes what it cannot answer.

What a run would ask is found by running its stages with such a client. `distill estimate` and
`distill ledger explain` each make their own of what they note.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from distill.ledger import Ledger, response_key
from distill.metrics import AskingMetric
from distill.metrics.judged import ROLE
from distill.models.batch_api import ONLINE
from distill.models.budget import Budget
from distill.models.client import ModelClient
from distill.models.protocol import Failure, Model, Request
from distill.plan import Plan
from distill.progress import Progress
from distill.records import Records
from distill.stages.evaluate import TEACHER_ITSELF, Answers
from distill.stages.evaluate_endpoint import ask_endpoint, endpoint_answers
from distill.stages.generate import answer_all
from distill.students import Endpoint

MISSING = "not in the ledger"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request that a run would make.

    Args:
        role: `augment`, `teacher`, `judge`, `student`, `student_base` or `metric_judge`.
        mode: `online` or `batch`.
        key: Its key.
        provider: Provider's name.
        namespace: The endpoint's namespace.
        sample: Sample index.
        body: What would be sent.
    """

    role: str
    mode: str
    key: str
    provider: str
    namespace: str
    sample: int
    body: Mapping[str, Any]


class LookingClient(ModelClient):
    """Shows nothing and has no cap; what becomes of a request is its heirs' to say.

    Args:
        ledger: What is paid for already.
    """

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger, Budget(None), Progress(Console(quiet=True)))


def asked_of(role: str, model: Model, request: Request) -> Asked:
    """Return what would be sent for a request, and its key."""
    about: dict[str, Any] = {
        "provider": model.provider,
        "namespace": model.namespace,
        "sample": request.sample,
        "body": model.wire(request),
    }
    mode = str(getattr(model, "mode", ONLINE))
    return Asked(role=role, mode=mode, key=response_key(**about), **about)


def unanswered(key: str) -> Failure:
    """Return what a request that the ledger cannot answer comes to."""
    return Failure(detail=MISSING, key=key)


@dataclass(frozen=True, kw_only=True)
class ToCome:
    """An answer to a held-out item that is not known yet, and that a model will mark.

    Args:
        whose: Who will give it: an arm, or a training of the student.
        question: The item's.
        reference: What is right.
    """

    whose: str
    question: str
    reference: str


def look_at_heldout(
    plan: Plan,
    heldout: Records | None,
    synthetic: Records | None,
    client: LookingClient,
    *,
    trained: Sequence[str] = (),
) -> list[ToCome]:
    """Let student and teacher look at the held-out items, and a metric's judge at their answers.

    Which synthetic items the dataset asks as well is not known before: all of them are looked at.

    Args:
        plan: Of the run.
        heldout: The real items, or `None`.
        synthetic: The synthetic items, or `None`.
        client: Notes what is asked.
        trained: Names of the trainings whose answers to the real items a run would mark, the
            delivered one first: it answers the synthetic items too.

    Returns:
        The answers that will be marked and are not known yet; none where no model marks.
    """
    if plan.student is None or heldout is None:
        return []
    to_come: list[ToCome] = []
    for records in filter(None, (heldout, synthetic)):
        questions = records.frame["question"].to_list()
        answers = _answers(plan, questions, client, synthetic=records is synthetic)
        for whose in trained if records is heldout else trained[:1]:
            answers[whose] = [None] * len(questions)
        for metric in plan.metrics.values():
            if isinstance(metric, AskingMetric):
                references = records.frame["reference"].to_list()
                to_come += _look_at_answers(metric, questions, references, answers, client)
    return to_come


def _answers(
    plan: Plan, questions: list[str], client: LookingClient, *, synthetic: bool
) -> dict[str, Answers]:
    """Return what is known of the answers of the models that are asked."""
    answers: dict[str, Answers] = {}
    if isinstance(plan.student, Endpoint):
        answers |= ask_endpoint(plan.student, questions, task=plan.task, client=client)
    for name, student in plan.students.items():
        if isinstance(student, Endpoint) and not synthetic:
            answers[name] = endpoint_answers(
                student, questions, task=plan.task, client=client, role="students"
            )
    if plan.evaluate.teacher:
        read = answer_all(
            questions, [0] * len(questions), task=plan.task, teacher=plan.teacher, client=client
        )
        answers[TEACHER_ITSELF] = [
            answer.answer if answer.reason is None else None for answer, _ in read
        ]
    return answers


def _look_at_answers(
    metric: AskingMetric,
    questions: Sequence[str],
    references: Sequence[str],
    answers: Mapping[str, Answers],
    client: LookingClient,
) -> list[ToCome]:
    """Let the judge look at the answers that are known; return the others."""
    items = [
        (whose, question, reference, answer)
        for whose, given in answers.items()
        for question, reference, answer in zip(questions, references, given, strict=True)
    ]
    requests = [
        metric.request(question, answer, reference)
        for _, question, reference, answer in items
        if answer is not None and answer.strip()
    ]
    client.ask(ROLE, metric.endpoint, requests)
    return [
        ToCome(whose=whose, question=question, reference=reference)
        for whose, question, reference, answer in items
        if answer is None
    ]

"""A client that pays for nothing: it answers out of the ledger and notes what it cannot answer.

What a run would ask is found by running its stages with such a client. `distill estimate` and
`distill ledger explain` each make their own of what they note.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from distill.ledger import Ledger, response_key
from distill.models.batch_api import ONLINE
from distill.models.budget import Budget
from distill.models.client import ModelClient
from distill.models.protocol import Failure, Model, Request
from distill.plan import Plan
from distill.progress import Progress
from distill.records import Records
from distill.stages.evaluate_endpoint import ask_endpoint
from distill.stages.generate import answer_all
from distill.students import Endpoint

MISSING = "not in the ledger"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request that a run would make.

    Args:
        role: `augment`, `teacher`, `judge`, `student` or `student_base`.
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


def look_at_heldout(
    plan: Plan, heldout: Records | None, synthetic: Records | None, client: LookingClient
) -> None:
    """Let student and teacher look at the held-out items, where the run would.

    Which synthetic ones the dataset asks as well is not known before: all of them are looked at.
    """
    if plan.student is None or heldout is None:
        return
    for records in filter(None, (heldout, synthetic)):
        _look_at(plan, records.frame["question"].to_list(), client)


def _look_at(plan: Plan, questions: list[str], client: LookingClient) -> None:
    assert plan.student is not None  # noqa: S101 - the caller has looked
    if isinstance(plan.student, Endpoint):
        ask_endpoint(plan.student, questions, task=plan.task, client=client)
    if plan.evaluate.teacher:
        samples = [0] * len(questions)
        for _ in answer_all(
            questions, samples, task=plan.task, teacher=plan.teacher, client=client
        ):
            pass

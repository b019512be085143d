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
from distill.models.budget import Budget
from distill.models.client import ModelClient
from distill.models.protocol import Failure, Model, Request
from distill.plan import Plan
from distill.progress import Progress
from distill.records import Records
from distill.stages.generate import answer_all

MISSING = "not in the ledger"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request that a run would make.

    Args:
        role: `augment`, `teacher` or `judge`.
        key: Its key.
        provider: Provider's name.
        namespace: The endpoint's namespace.
        sample: Sample index.
        body: What would be sent.
    """

    role: str
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
    return Asked(role=role, key=response_key(**about), **about)


def unanswered(key: str) -> Failure:
    """Return what a request that the ledger cannot answer comes to."""
    return Failure(detail=MISSING, key=key)


def evaluates_teacher(plan: Plan) -> bool:
    """Say whether the run would let the teacher answer the held-out items."""
    return plan.student is not None and plan.heldout is not None and plan.evaluate.teacher


def look_at_heldout(plan: Plan, heldout: Records | None, client: LookingClient) -> None:
    """Let the teacher look at the held-out items."""
    questions = [] if heldout is None else heldout.frame["question"].to_list()
    samples = [0] * len(questions)
    for _ in answer_all(questions, samples, task=plan.task, teacher=plan.teacher, client=client):
        pass

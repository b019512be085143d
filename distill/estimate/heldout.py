"""What a run would ask about the held-out items, marks of answers to come included."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from distill.looking import look_at_heldout
from distill.metrics import AskingMetric
from distill.metrics.judged import ROLE
from distill.models.pace import BYTES_A_TOKEN
from distill.record import RunRecord
from distill.stages.arms import RANDOM_SAME_SIZE, UNFILTERED
from distill.stages.evaluate import BASE, DISTILLED_ONLY, REAL_ONLY, STUDENT
from distill.students import Endpoint, Tuned
from distill.table import REAL

if TYPE_CHECKING:
    from distill.estimate.demand import Group, Looking

EVALUATION, MARKS_TO_COME = "held-out", "marks to come"
FILLER = "word "


def look_at_evaluation(
    record: RunRecord, client: Looking, answer_tokens: Callable[[Group], float]
) -> list[str]:
    """Let teacher, student and a metric's judge look at the held-out items, where the run would.

    Args:
        record: Prepared.
        client: Notes what is asked.
        answer_tokens: Says how long an answer is expected to be.

    Returns:
        What was assumed.
    """
    plan, trained = record.plan, trainings(record)
    client.what = EVALUATION
    to_come = look_at_heldout(plan, record.heldout, record.synthetic, client, trained=trained)
    if not to_come:
        return []
    answering = next((group for group in client.groups.values() if group.role != ROLE), None)
    tokens = plan.teacher.max_tokens / 2 if answering is None else answer_tokens(answering)
    most = plan.teacher.max_tokens if answering is None else answering.model.max_tokens
    client.what = MARKS_TO_COME
    client.slack = round(max(0.0, most - tokens) * BYTES_A_TOKEN)
    for metric in plan.metrics.values():
        if isinstance(metric, AskingMetric):
            requests = [
                metric.request(one.question, stand_in(f"{one.whose} {i}", tokens), one.reference)
                for i, one in enumerate(to_come)
            ]
            client.ask(ROLE, metric.endpoint, requests)
    client.slack = 0
    if not trained:
        return []
    return [
        f"the answers of at most {len(trained)} trainings of the student are marked: what it "
        "answers is not known before, nor which of these marks the ledger has"
    ]


def trainings(record: RunRecord) -> list[str]:
    """Return a name for each training of the student that a run may evaluate, the delivered first.

    Which of them a run leaves out, because nothing fell out or nothing can be learnt, is not known
    before.
    """
    plan, evaluate = record.plan, record.plan.evaluate
    if plan.student is None or isinstance(plan.student, Endpoint):
        return []
    is_tuned = isinstance(plan.student, Tuned)
    has_real = record.table.filter(source=REAL).height > 0
    parts = [BASE] if is_tuned else []
    if evaluate.tuned or not is_tuned:
        parts += [REAL_ONLY, DISTILLED_ONLY] if has_real else []
        parts += [UNFILTERED, RANDOM_SAME_SIZE] if evaluate.controls else []
        parts += [f"{share:g}" for share in sorted(set(evaluate.curve)) if share < 1]
    for i in range(1, evaluate.seeds):
        parts += [f"{name} {i}" for name in (STUDENT, *([REAL_ONLY] if has_real else []))]
    parts += [name for name, one in plan.students.items() if not isinstance(one, Endpoint)]
    return [STUDENT, *parts]


def stand_in(row: str, tokens: float) -> str:
    """Return an answer of so many tokens; rows differ, as answers do."""
    length = round(tokens * BYTES_A_TOKEN)
    return (f"{row} " + FILLER * (length // len(FILLER) + 1))[: max(length, len(row))]

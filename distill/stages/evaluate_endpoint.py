"""Evaluate a student that was trained elsewhere: by the same metrics, intervals and tests.

It cannot be trained on some of the examples only, so the arms of `stages.evaluate` that differ in
their examples are not there. What it is measured against is the model before it was tuned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import polars as pl

from distill.clustered import Clusters, heldout_clusters
from distill.metrics import Metric, mark_all
from distill.models.client import ModelClient
from distill.models.protocol import Model, Reply
from distill.stages.arms import beside
from distill.stages.evaluate import (
    BASE,
    MAJORITY,
    TEACHER_ITSELF,
    Answers,
    Arm,
    Evaluation,
    arm_of,
    commonest_label,
    compare,
    teacher_answers,
)
from distill.statistics import POWER, PairedTest, explain_verdict, verdict
from distill.students import Endpoint, Examples
from distill.tasks import Task

ENDPOINT = "endpoint"
# By the student's key that configures a model: the arm that it answers for, and whose spend it is.
ARMS = {"base": BASE, "via": ENDPOINT}
ROLES = {"base": "student_base", "via": "student"}


def evaluate_endpoint(
    student: Endpoint,
    examples: Examples,
    table: pl.DataFrame,
    heldout: pl.DataFrame,
    *,
    task: Task,
    teacher: Model | None,
    client: ModelClient,
    metrics: Mapping[str, Metric],
    seed: int,
) -> Evaluation:
    """Let the student, its base and the teacher answer the held-out questions and compare them.

    Args:
        student: The student, and its base where there is one.
        examples: The run's dataset, of which the commonest label is taken; may be empty.
        table: The one table; the teacher's calibration comes from its pool.
        heldout: Columns `id`, `question`, `reference`.
        task: What is asked.
        teacher: Answers too; `None` leaves it out.
        client: For all of them.
        metrics: By name; the first is the headline.
        seed: Of every draw.
    """
    questions = heldout["question"].to_list()
    references = heldout["reference"].to_list()
    clusters = heldout_clusters(heldout)
    answers: dict[str, Answers] = {}
    if examples.labels and len(examples):
        answers[MAJORITY] = [commonest_label(examples)] * len(questions)
    if teacher is not None:
        answers[TEACHER_ITSELF] = teacher_answers(table, questions, task, teacher, client)
    answers |= ask_endpoint(student, questions, task=task, client=client)
    mark_all(metrics, list(answers.values()), references)
    arms = {
        name: arm_of(name, None, given, references, metrics, seed, clusters)
        for name, given in answers.items()
    }
    baseline = BASE if BASE in arms else ENDPOINT
    test = compare(arms[ENDPOINT].scores, arms[baseline].scores, seed, clusters)
    return Evaluation(
        arms=arms,
        student=ENDPOINT,
        baseline=baseline,
        metric=next(iter(metrics)),
        test=test,
        verdict=verdict(test),
        reason=" ".join(_reason(arms, test, seed, clusters)),
        comparisons=beside(arms, ENDPOINT, seed, clusters),
        clusters=clusters,
    )


def ask_endpoint(
    student: Endpoint, questions: Sequence[str], *, task: Task, client: ModelClient
) -> dict[str, Answers]:
    """Ask the base, where there is one, and the student.

    Returns:
        By arm, one answer a question; `None` where a request failed for good or its reply holds no
        answer.
    """
    return {
        ARMS[key]: list(_answers(student, ROLES[key], model, questions, task, client))
        for key, model in student.models.items()
    }


def endpoint_answers(
    student: Endpoint,
    questions: Sequence[str],
    *,
    task: Task,
    client: ModelClient,
    role: str = ROLES["via"],
) -> list[str | None]:
    """Ask the student alone; see `ask_endpoint`."""
    return list(_answers(student, role, student.via, questions, task, client))


def _answers(
    student: Endpoint,
    role: str,
    model: Model,
    questions: Sequence[str],
    task: Task,
    client: ModelClient,
) -> Iterator[str | None]:
    asked = [student.requests(question, task=task, model=model) for question in questions]
    outcomes = iter(client.ask(role, model, [r for requests in asked for r in requests]))
    for requests in asked:
        mine = list(islice(outcomes, len(requests)))
        replies = [one for one in mine if isinstance(one, Reply)]
        # Votes that are not all there are no votes.
        yield student.read(replies, task=task) if len(replies) == len(requests) else None


def _reason(
    arms: Mapping[str, Arm], test: PairedTest, seed: int, clusters: Clusters | None
) -> Iterator[str]:
    """Yield what is known of the student: against its base, and against the teacher."""
    if BASE in arms:
        yield explain_verdict(test, "The tuning", BASE)
        if verdict(test) != "inconclusive":
            yield _detectable(test)
    else:
        yield (
            "Whether the training helped is not known: the model before it was not asked "
            "(student.base)."
        )
    if TEACHER_ITSELF in arms:
        beside = compare(arms[ENDPOINT].scores, arms[TEACHER_ITSELF].scores, seed, clusters)
        points, low, high = (100 * share for share in (beside.difference, beside.low, beside.high))
        told = {
            "helps": "the student is better than its teacher",
            "hurts": "the teacher is better",
            "inconclusive": "no difference between the two was shown",
        }[verdict(beside)]
        yield (
            f"Against {TEACHER_ITSELF}, {points:+.1f} pp "
            f"(95% interval {low:+.1f} to {high:+.1f} pp): {told}."
        )


def _detectable(test: PairedTest) -> str:
    if test.minimum_detectable is None:
        return f"No difference, however large, is found {POWER:.0%} of the time at this size."
    smallest = 100 * test.minimum_detectable
    return f"At this size a true difference of {smallest:.1f} pp is found {POWER:.0%} of the time."

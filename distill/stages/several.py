"""Several students beside each other: trained on the same dataset, or trained elsewhere.

Each further student is an arm of its own. Every two students are compared item by item, and as many
comparisons find a difference by luck sooner than one does, their p-values are adjusted (Holm).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import polars as pl

from distill.metrics import Metric, mark_all
from distill.models.client import ModelClient
from distill.scored import compare
from distill.stages.evaluate import Arm, Evaluation, arm_of
from distill.stages.evaluate_endpoint import endpoint_answers
from distill.statistics import PairedTest
from distill.students import Endpoint, Examples, Student
from distill.students.classifier import TrainingError
from distill.tasks import Task

ROLE = "students"  # with the student's name: whose spend it is


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two students on the same items.

    Args:
        a: Name of the one's arm.
        b: Of the other's.
        test: a minus b.
        p_holm: Its p-value, adjusted for the number of pairs.
    """

    a: str
    b: str
    test: PairedTest
    p_holm: float


@dataclass(frozen=True, kw_only=True)
class Several:
    """All students, and each two of them.

    Args:
        names: Of their arms, the delivered one first.
        pairs: Each two, in that order.
        untrained: By name, why a student could not be trained.
    """

    names: tuple[str, ...]
    pairs: tuple[Pair, ...]
    untrained: Mapping[str, str]


def beside_students(
    evaluation: Evaluation,
    students: Mapping[str, Student],
    examples: Examples,
    heldout: pl.DataFrame,
    *,
    task: Task,
    client: ModelClient,
    metrics: Mapping[str, Metric],
    seed: int,
) -> Evaluation:
    """Return the evaluation with further students as arms, each two compared.

    Args:
        evaluation: Of the delivered student.
        students: Further ones by name; none leaves the evaluation as it is.
        examples: What they are trained on: the run's dataset.
        heldout: The items, in the order of the arms' answers.
        task: What is asked.
        client: For students that are trained elsewhere.
        metrics: Of answers to the items; the first is the headline.
        seed: Of training and of every draw.
    """
    if not students:
        return evaluation
    questions, references = heldout["question"].to_list(), heldout["reference"].to_list()
    answers: dict[str, Sequence[str | None]] = {}
    untrained: dict[str, str] = {}
    for name, student in students.items():
        if isinstance(student, Endpoint):
            answers[name] = endpoint_answers(
                student, questions, task=task, client=client, role=f"{ROLE}.{name}"
            )
            continue
        # The run is paid for: a further student that fails is no reason to lose it.
        try:
            answers[name] = student.fit(examples, seed=seed).answer(questions)
        except TrainingError as error:
            untrained[name] = str(error)
    mark_all(metrics, list(answers.values()), references)
    further = {
        name: arm_of(
            name,
            None if isinstance(students[name], Endpoint) else len(examples),
            given,
            references,
            metrics,
            seed,
            evaluation.clusters,
        )
        for name, given in answers.items()
    }
    own = evaluation.arms[evaluation.student]
    others = {name: arm for name, arm in evaluation.arms.items() if name != own.name}
    names = (own.name, *further)
    tests = _tests({own.name: own} | further, seed, evaluation)
    return replace(
        evaluation,
        arms={**others, **further, own.name: own},
        comparisons={
            **evaluation.comparisons,
            **{b: test for (a, b), test in tests.items() if a == own.name},
        },
        several=Several(names=names, pairs=_adjusted(tests), untrained=untrained),
    )


def _tests(
    arms: Mapping[str, Arm], seed: int, evaluation: Evaluation
) -> dict[tuple[str, str], PairedTest]:
    return {
        (a, b): compare(arms[a].scores, arms[b].scores, seed, evaluation.clusters)
        for a, b in combinations(arms, 2)
    }


def _adjusted(tests: Mapping[tuple[str, str], PairedTest]) -> tuple[Pair, ...]:
    from distill.diversity.relabel import holm

    adjusted = holm([test.p_value for test in tests.values()])
    return tuple(
        Pair(a=a, b=b, test=test, p_holm=test.p_value if p is None else p)
        for ((a, b), test), p in zip(tests.items(), adjusted, strict=True)
    )

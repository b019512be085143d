"""Evaluate the student on real held-out examples only, beside its controls.

Arms share the student's class and settings and differ in their training examples alone. The
verdict compares what the run adds (real and distilled examples together) with what was there
without it: the same student on the real examples, or, where there are none, always answering the
commonest label. A language model is dear to train and answers before that, too: it is compared
with itself as it was, and trained once unless more is asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from distill.clustered import Clusters, heldout_clusters
from distill.metrics import ItemMetric, MarkingMetric, Metric, mark_all
from distill.models.client import ModelClient
from distill.models.protocol import Model
from distill.scored import compare as compare  # other modules know it by this address
from distill.scored import interval
from distill.stages.arms import beside, control_examples
from distill.stages.breakdown import Part
from distill.stages.generate import answer_all
from distill.stages.heldout_loss import HeldoutLoss, heldout_loss
from distill.stages.marked import HumanMarks
from distill.stages.refit import CurvePoint, Reseeded
from distill.stages.synthetic import SyntheticGap
from distill.statistics import (
    Interval,
    PairedTest,
    Verdict,
    explain_verdict,
    verdict,
)
from distill.students import Examples, Student, Trained, Tuned
from distill.students.classifier import TrainingError
from distill.students.self_training import self_trained_answers
from distill.tasks import Classify, Math, Task

if TYPE_CHECKING:
    from distill.stages.several import Several

STUDENT = "real_and_distilled"
REAL_ONLY = "real_only"
DISTILLED_ONLY = "distilled_only"
TEACHER_ITSELF = "teacher"
MAJORITY = "majority"
# A student that is tuned, and the model that it was tuned from.
DISTILLED = "distilled"
BASE = "base"
SELF_TRAINED = "self_trained"
Answers = Sequence[str | None]


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One column of the comparison.

    Args:
        name: What was tried.
        examples: Training examples; `None` where nothing was trained.
        answers: (items,) answers to the held-out questions; `None` for no answer, which counts as
            wrong.
        scores: (items,) headline score of each item, in [0, 1].
        headline: Mean score with its 95 % interval.
        metrics: Every metric over all items, by name.
        unscored: Answers that got no mark of the model that marks them; they score 0.
    """

    name: str
    examples: int | None
    answers: tuple[str | None, ...]
    scores: NDArray[np.float64]
    headline: Interval
    metrics: Mapping[str, float]
    unscored: int = 0


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """All arms, and the verdict.

    Args:
        arms: By name, weakest control first.
        student: The name of the arm that the run delivers.
        baseline: The name of the arm that it is measured against.
        metric: Name of the headline metric.
        test: Student against baseline, paired by item.
        verdict: `helps`, `hurts` or `inconclusive`.
        reason: The verdict in a sentence, with its figures.
        comparisons: Student against every other arm, paired by item, by the other's name.
        slices: The student's score by slice of the held-out set; empty where it names none.
        labels: The student's score by true label; empty for tasks without labels.
        curve: The student on growing shares of the distilled examples; empty where not asked for.
        reseeded: The student trained with several seeds, or `None`.
        clusters: Of the items, where some come from one source: intervals and tests are by cluster.
        loss: How likely the held-out answers are before and after; `None` where nothing says.
        synthetic: What synthetic held-out items make of the student, or `None`.
        several: Further students, each two compared, or `None`.
        human: What humans say of answers that a model has marked, or `None`.
    """

    arms: Mapping[str, Arm]
    student: str
    baseline: str
    metric: str
    test: PairedTest
    verdict: Verdict
    reason: str
    comparisons: Mapping[str, PairedTest] = field(default_factory=dict)
    slices: tuple[Part, ...] = ()
    labels: tuple[Part, ...] = ()
    curve: tuple[CurvePoint, ...] = ()
    reseeded: Reseeded | None = None
    clusters: Clusters | None = None
    loss: HeldoutLoss | None = None
    synthetic: SyntheticGap | None = None
    human: HumanMarks | None = None
    several: Several | None = None


def evaluate(
    trained: Trained,
    examples: Examples,
    table: pl.DataFrame,
    heldout: pl.DataFrame,
    *,
    task: Task,
    student: Student,
    teacher: Model | None,
    client: ModelClient,
    metrics: Mapping[str, Metric],
    seed: int,
    controls: bool = False,
    again: bool = True,
) -> Evaluation:
    """Let every arm answer the held-out questions and compare them.

    Args:
        trained: The student that the run delivers.
        examples: What it was trained on.
        table: The one table; the teacher's calibration comes from its pool.
        heldout: Columns `id`, `question`, `reference`.
        task: What is asked.
        student: Trains the other arms.
        teacher: Answers too, as an arm of its own; `None` leaves it out.
        client: For the teacher.
        metrics: By name; the first is the headline.
        seed: Of every draw.
        controls: Whether the student is trained on what fell out too, and on a blind draw.
        again: Whether it is trained for other arms at all.
    """
    questions = heldout["question"].to_list()
    references = heldout["reference"].to_list()
    clusters = heldout_clusters(heldout)
    own = DISTILLED if isinstance(student, Tuned) else STUDENT
    answers: dict[str, tuple[int | None, Answers]] = {}
    if examples.labels:
        commonest = commonest_label(examples)
        answers[MAJORITY] = (None, [commonest] * len(questions))
    for name, mask in ((REAL_ONLY, examples.real), (DISTILLED_ONLY, ~examples.real)):
        if again and _can_train(examples, mask):
            part = examples.where(mask)
            answers[name] = (len(part), student.fit(part, seed=seed).answer(questions))
    if REAL_ONLY in answers and examples.labels and DISTILLED_ONLY in answers:
        answers[SELF_TRAINED] = (len(examples), self_trained_answers(examples, questions))
    asked = control_examples(table, task=task, seed=seed) if again and controls else {}
    for name, part in asked.items():
        # A control that cannot be learnt from is no reason to lose the run.
        with suppress(TrainingError):
            answers[name] = (len(part), student.fit(part, seed=seed).answer(questions))
    if teacher is not None:
        answers[TEACHER_ITSELF] = (None, teacher_answers(table, questions, task, teacher, client))
    loss = None
    if isinstance(student, Tuned):
        base = student.untrained()
        answers[BASE] = (None, base.answer(questions))
        # The reference of a sum is its result, the dataset's answer the way there; so it is with a
        # student that writes its reasoning first.
        reasons_first = getattr(trained, "answer_after", None) is not None
        if not isinstance(task, Math) and not reasons_first:
            loss = heldout_loss(base, trained, questions, references, seed=seed, clusters=clusters)
    answers[own] = (len(examples), trained.answer(questions))
    mark_all(metrics, [given for _, given in answers.values()], references)
    arms = {
        name: arm_of(name, count, given, references, metrics, seed, clusters)
        for name, (count, given) in answers.items()
    }
    # Without distilled examples there is nothing to prove: the student is its own baseline.
    candidates = (REAL_ONLY, BASE, MAJORITY, own) if not examples.real.all() else (BASE, own)
    baseline = next(name for name in candidates if name in arms)
    test = compare(arms[own].scores, arms[baseline].scores, seed, clusters)
    return Evaluation(
        arms=arms,
        student=own,
        baseline=baseline,
        metric=next(iter(metrics)),
        test=test,
        verdict=verdict(test),
        reason=" ".join(
            [
                _reason(arms, test, baseline, seed, clusters),
                *([loss.sentence] if loss is not None else []),
            ]
        ),
        loss=loss,
        comparisons=beside(arms, own, seed, clusters),
        clusters=clusters,
    )


def _reason(
    arms: Mapping[str, Arm],
    test: PairedTest,
    baseline: str,
    seed: int,
    clusters: Clusters | None,
) -> str:
    """Return the verdict's sentence, and how much of a lift the unlabelled texts give alone."""
    reason = explain_verdict(test, "Distillation", baseline)
    if clusters is not None:
        reason += f" Intervals and tests are over {clusters.count} clusters of held-out items."
    if SELF_TRAINED not in arms:
        return reason
    own = DISTILLED if DISTILLED in arms else STUDENT
    beyond = compare(arms[own].scores, arms[SELF_TRAINED].scores, seed, clusters)
    low, high = 100 * beyond.low, 100 * beyond.high
    figures = f"{100 * beyond.difference:+.1f} pp (95% interval {low:+.1f} to {high:+.1f} pp)"
    credit = {
        "helps": "the teacher adds to what the unlabelled texts give without it",
        "hurts": "the unlabelled texts alone, without the teacher, do better",
        "inconclusive": "the lift cannot be credited to the teacher rather than to the texts",
    }[verdict(beyond)]
    return (
        f"{reason} Against {SELF_TRAINED}, the same texts without a teacher, {figures}: {credit}."
    )


def arm_of(
    name: str,
    examples: int | None,
    answers: Answers,
    references: Sequence[str],
    metrics: Mapping[str, Metric],
    seed: int,
    clusters: Clusters | None = None,
) -> Arm:
    """Score the answers of one arm; see `Arm` and `evaluate`."""
    headline = next(iter(metrics.values()))
    if not isinstance(headline, ItemMetric):
        raise TypeError("the first metric scores items one by one; build has checked it")
    scores = headline.score(answers, references)
    return Arm(
        name=name,
        examples=examples,
        answers=tuple(answers),
        scores=scores,
        headline=interval(scores, seed, clusters),
        metrics={key: metric.summary(answers, references) for key, metric in metrics.items()},
        unscored=sum(
            metric.unscored(answers, references)
            for metric in metrics.values()
            if isinstance(metric, MarkingMetric)
        ),
    )


def commonest_label(examples: Examples) -> str:
    """Return the commonest label among the real examples, or among all where none is real."""
    pool = examples.where(examples.real) if examples.real.any() else examples
    counts = Counter(pool.answers)
    return max(examples.labels, key=lambda label: counts[label])


def _can_train(examples: Examples, mask: NDArray[np.bool_]) -> bool:
    """Say whether an arm differs from the whole dataset and has something to learn from."""
    part = examples.where(mask)
    if len(part) in {0, len(examples)}:
        return False
    return not examples.labels or len(set(part.answers)) > 1


def teacher_answers(
    table: pl.DataFrame,
    questions: Sequence[str],
    task: Task,
    teacher: Model,
    client: ModelClient,
) -> list[str | None]:
    """Ask the teacher; label scores are calibrated by the pool, never by the held-out texts."""
    read = [
        answer
        for answer, _ in answer_all(
            questions, [0] * len(questions), task=task, teacher=teacher, client=client
        )
    ]
    if not isinstance(task, Classify):
        return [answer.answer if answer.reason is None else None for answer in read]
    pool = table.filter(pl.col("raw_label_probs").is_not_null())["raw_label_probs"].to_list()
    scored = [i for i, answer in enumerate(read) if answer.label_probs is not None]
    given: list[str | None] = [None] * len(read)
    if scored:
        probs = np.array([read[i].label_probs for i in scored])
        labels = task.labels_of(task.calibrated(probs, pool=np.array(pool)) if pool else probs)
        for i, label in zip(scored, labels, strict=True):
            given[i] = label
    return given

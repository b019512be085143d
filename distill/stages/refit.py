"""The student trained again: on fewer of the distilled examples, and with other seeds.

Both ask what the one number of the one student hides: whether more answers of the teacher would
still help, and whether another draw of the training's own randomness would tell another story.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from distill.metrics import ItemMetric, Metric
from distill.scored import Scores, compare, interval
from distill.statistics import Interval, Verdict, verdict
from distill.students import Examples, Student
from distill.students.classifier import TrainingError

if TYPE_CHECKING:
    from distill.stages.evaluate import Evaluation

REAL_ONLY = "real_only"
SEEDS = 2**32


@dataclass(frozen=True, kw_only=True)
class Refit:
    """What it takes to train and score the student once more.

    Args:
        student: Trains.
        examples: The whole dataset.
        questions: (items,) held out.
        references: (items,) what is right.
        metric: The headline.
        seed: Of the run.
    """

    student: Student
    examples: Examples
    questions: Sequence[str]
    references: Sequence[str]
    metric: ItemMetric
    seed: int

    def scores(self, part: Examples, seed: int) -> Scores:
        """Return the (items,) scores of the student trained on `part`."""
        answers = self.student.fit(part, seed=seed).answer(self.questions)
        return self.metric.score(answers, self.references)


def refit_of(
    student: Student,
    examples: Examples,
    heldout: pl.DataFrame,
    metrics: Mapping[str, Metric],
    *,
    seed: int,
) -> Refit:
    """Return what it takes to train the run's student again; the first metric scores it."""
    headline = next(iter(metrics.values()))
    if not isinstance(headline, ItemMetric):
        raise TypeError("the first metric scores items one by one; build has checked it")
    return Refit(
        student=student,
        examples=examples,
        questions=heldout["question"].to_list(),
        references=heldout["reference"].to_list(),
        metric=headline,
        seed=seed,
    )


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """The student on a share of the distilled examples.

    Args:
        share: Of the distilled examples, in [0, 1]; all real ones are always there.
        examples: Training examples in all.
        headline: Mean score with its 95 % interval.
    """

    share: float
    examples: int
    headline: Interval


@dataclass(frozen=True, kw_only=True)
class Reseeded:
    """The student trained with several seeds.

    Args:
        seeds: The run's own first.
        means: (seeds,) mean score of each student.
        verdicts: (seeds,) against the baseline of the same seed; empty without a baseline.
        unchanged: Whether all of them scored the same on every item.
    """

    seeds: tuple[int, ...]
    means: tuple[float, ...]
    verdicts: tuple[Verdict, ...]
    unchanged: bool

    @property
    def spread(self) -> float:
        """Standard deviation of the mean scores over the seeds (n - 1)."""
        return float(np.std(self.means, ddof=1))


def learning_curve(
    refit: Refit, evaluation: Evaluation, shares: Sequence[float]
) -> tuple[CurvePoint, ...]:
    """Train on growing shares of the distilled examples, each within the next.

    Args:
        refit: Trains and scores.
        evaluation: Its arms are the points at 0, where there is `real_only`, and at 1.
        shares: In (0, 1]; those that leave nothing to learn from are passed over.

    Returns:
        By share; empty without shares, or where nothing is distilled.
    """
    examples = refit.examples
    distilled = np.flatnonzero(~examples.real)
    if not shares or not len(distilled):
        return ()
    order = np.random.default_rng(refit.seed).permutation(distilled)
    own = evaluation.arms[evaluation.student]
    points = []
    if evaluation.baseline == REAL_ONLY:
        real = evaluation.arms[REAL_ONLY]
        points.append(
            CurvePoint(
                share=0.0, examples=len(examples.where(examples.real)), headline=real.headline
            )
        )
    for share in sorted(set(shares)):
        if share == 1:
            points.append(CurvePoint(share=1.0, examples=len(examples), headline=own.headline))
            continue
        mask = examples.real.copy()
        mask[order[: math.ceil(share * len(order))]] = True
        part = examples.where(mask)
        if part.labels and len(set(part.answers)) < 2:
            continue
        try:
            scores = refit.scores(part, refit.seed)
        except TrainingError:
            continue  # too small to be learnt from; the student itself has been
        headline = interval(scores, refit.seed, evaluation.clusters)
        points.append(CurvePoint(share=share, examples=len(part), headline=headline))
    return tuple(points)


def reseed(refit: Refit, evaluation: Evaluation, n: int) -> Reseeded | None:
    """Train student and baseline with `n` seeds, the run's own and those after it.

    Args:
        refit: Trains and scores.
        evaluation: Of the run's own seed.
        n: Seeds, >= 1; 1 says nothing about the spread.
    """
    if n == 1:
        return None
    seeds = tuple((refit.seed + i) % SEEDS for i in range(n))
    own, base = evaluation.arms[evaluation.student], evaluation.arms[evaluation.baseline]
    real = refit.examples.where(refit.examples.real)
    students, verdicts = [own.scores], [evaluation.verdict]
    for seed in seeds[1:]:
        students.append(refit.scores(refit.examples, seed))
        beside = refit.scores(real, seed) if base.name == REAL_ONLY else base.scores
        verdicts.append(verdict(compare(students[-1], beside, refit.seed, evaluation.clusters)))
    has_control = evaluation.student != evaluation.baseline
    return Reseeded(
        seeds=seeds,
        means=tuple(float(scores.mean()) for scores in students),
        verdicts=tuple(verdicts) if has_control else (),
        unchanged=all(np.array_equal(own.scores, scores) for scores in students),
    )

"""The share of right answers, corrected for the judge's errors: prediction-powered inference.

A judge that has seen every answer is precise and biased, a human who has seen some is unbiased and
imprecise. What the judge says of all is taken at a weight, and what it gets wrong among the
labelled is taken off; the weight is the one that makes the interval shortest, and 0 where the judge
tells nothing. That holds whatever the judge's errors, provided that the labelled answers were drawn
at random from all of them.

Simulated, 1,000 draws each, with 20 to 300 labels among 520 to 2,000 answers, accuracies of 0.45 to
0.95 and judges from perfect to worthless, the 95 % interval held the truth in 93 to 100 % of cases;
what the judge says alone held it in 0 to 96 % (benchmarks/calibrate_coverage.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from distill.calibrate.agreement import Bools, share
from distill.statistics import CONFIDENCE, Interval

# Added to each cell of judge by human before spreads are taken: without it a judge that erred in
# none of a few labels would be taken to err never.
PSEUDO = 0.5


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """The share of right answers among all, in three ways.

    Args:
        naive: What the judge keeps of all answers, as if it never erred.
        human_only: The labelled answers alone.
        corrected: Both together; `None` where every answer is labelled.
        weight: Of the judge's word, in [0, 1]; `None` where every answer is labelled.
        labelled: Answers with a label, >= 1.
        unlabelled: Answers without, >= 0.
    """

    naive: Interval
    human_only: Interval
    corrected: Interval | None
    weight: float | None
    labelled: int
    unlabelled: int


def accuracy(right: Bools, kept: Bools, kept_unlabelled: Bools) -> Accuracy:
    """Return the share of right answers.

    Args:
        right: `(labelled,)`, what the human says; at least one.
        kept: `(labelled,)`, what the judge says of them.
        kept_unlabelled: `(unlabelled,)`, what it says of the others.
    """
    n, others = len(right), len(kept_unlabelled)
    human_only = share(int(right.sum()), n)
    naive = share(int(kept.sum() + kept_unlabelled.sum()), n + others)
    if human_only is None or naive is None:
        raise ValueError("right: got no labels, want one or more")
    corrected, weight = None, None
    if others:
        corrected, weight = prediction_powered(right, kept, kept_unlabelled)
    return Accuracy(
        naive=naive,
        human_only=human_only,
        corrected=corrected,
        weight=weight,
        labelled=n,
        unlabelled=others,
    )


def prediction_powered(right: Bools, kept: Bools, kept_unlabelled: Bools) -> tuple[Interval, float]:
    """Return the corrected share with its 95 % interval, and the judge's weight.

    Arguments are those of `accuracy`, each with at least one item.

    Source:
        Angelopoulos, Duchi and Zrnic 2023, arXiv 2311.01453 (PPI++, the mean). Different: the
        quantile is Student's, and spreads come from the table of judge by human with half an item
        added to each cell, as Agresti and Min 2005, Stat Med 24:729, do for pairs.
    """
    from scipy.stats import t

    n, others = len(right), len(kept_unlabelled)
    human, judge = right.astype(float), kept.astype(float)
    weights, cells_human, cells_judge = _cells(right, kept)
    spread = np.cov([cells_human, cells_judge], aweights=weights, ddof=0)
    weight = float(np.clip(spread[0, 1] / (spread[1, 1] * (1 + n / others)), 0, 1))
    value = weight * float(kept_unlabelled.mean()) + float((human - weight * judge).mean())
    rest = np.cov(cells_human - weight * cells_judge, aweights=weights, ddof=0)
    variance = weight**2 * _variance(kept_unlabelled) / others + float(rest) / n
    reach = float(t.ppf((1 + CONFIDENCE) / 2, max(1, n - 1))) * math.sqrt(variance)
    value = min(1.0, max(0.0, value))
    return Interval(value, max(0.0, value - reach), min(1.0, value + reach), n + others), weight


def _cells(right: Bools, kept: Bools) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return weight, human's and judge's value of each cell."""
    human, judge = np.array([1.0, 1.0, 0.0, 0.0]), np.array([1.0, 0.0, 1.0, 0.0])
    counts = [((right == h) & (kept == j)).sum() for h, j in zip(human, judge, strict=True)]
    return np.array(counts) + PSEUDO, human, judge


def _variance(kept: Bools) -> float:
    held = (float(kept.sum()) + 2 * PSEUDO) / (len(kept) + 4 * PSEUDO)
    return held * (1 - held)

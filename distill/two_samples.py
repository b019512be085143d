"""Two students that answered different held-out items: what can be said, and how much less it is.

Nothing is paired here, so that the items' difficulty does not cancel out: a difference of the
items is taken for one of the students. Right-or-wrong scores get Newcombe's interval and the score
test of two shares; scores between 0 and 1 get Welch's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from distill.statistics import ALPHA, CONFIDENCE, POWER, Verdict, wilson

LEAST_ITEMS = 2  # fewer say nothing of their spread


@dataclass(frozen=True)
class TwoSamples:
    """Two students, a and b, on items of their own.

    Args:
        difference: Mean score of a minus mean score of b, in [-1, 1].
        low: Lower limit of its 95 % confidence interval, in [-1, 1].
        high: Upper limit, in [-1, 1].
        p_value: Two-sided, in [0, 1]; the null hypothesis is that both have one mean.
        n: Items of each, (a, b), each >= 1.
        minimum_detectable: Smallest true difference, > 0, that so many items find with a power of
            0.8, the spread being as it is here (normal approximation); `None` where all scores are
            the same and have no spread.
    """

    difference: float
    low: float
    high: float
    p_value: float
    n: tuple[int, int]
    minimum_detectable: float | None

    @property
    def verdict(self) -> Verdict:
        """`helps` or `hurts` only if the test rejects and the interval lies on one side of 0."""
        if self.p_value < ALPHA and self.low > 0:
            return "helps"
        return "hurts" if self.p_value < ALPHA and self.high < 0 else "inconclusive"


def two_samples(a_scores: npt.ArrayLike, b_scores: npt.ArrayLike) -> TwoSamples:
    """Compare two students that answered different items.

    Args:
        a_scores: `(items,)`, each in [0, 1].
        b_scores: `(other items,)`, likewise.

    Raises:
        ValueError: no items, or a score outside [0, 1].

    Note:
        Fractional scores of a single item, or all the same, have no spread that could be told:
        their interval is all of [-1, 1].

    Source:
        Newcombe 1998, Stat Med 17:873, method 10 (interval); Welch 1947, Biometrika 34:28.
    """
    a, b = (np.asarray(scores, dtype=np.float64) for scores in (a_scores, b_scores))
    for scores in (a, b):
        if not scores.size or not ((scores >= 0) & (scores <= 1)).all():
            raise ValueError("scores: want one or more shares in [0, 1]")
    whole = np.isin(a, (0.0, 1.0)).all() and np.isin(b, (0.0, 1.0)).all()
    low, high, p_value = _newcombe(a, b) if whole else _welch(a, b)
    return TwoSamples(
        difference=float(a.mean() - b.mean()),
        low=low,
        high=high,
        p_value=p_value,
        n=(len(a), len(b)),
        minimum_detectable=_detectable(a, b),
    )


def explain_samples(test: TwoSamples, a: str, b: str) -> str:
    """Return in a sentence what two samples show, with the figures.

    Args:
        test: `a` compared with `b`.
        a: A name.
        b: The other's.
    """
    p = "p < 0.001" if test.p_value < 0.001 else f"p = {test.p_value:.2g}"
    difference, low, high = (100 * share for share in (test.difference, test.low, test.high))
    figures = (
        f"{difference:+.1f} pp ({CONFIDENCE:.0%} interval {low:+.1f} to {high:+.1f} pp, {p}, "
        f"n = {test.n[0]} and {test.n[1]})"
    )
    told = {
        "helps": f"{a} is better, if both sets of items are samples of the same questions",
        "hurts": f"{a} is worse, if both sets of items are samples of the same questions",
        "inconclusive": "inconclusive",
    }[test.verdict]
    limit = (
        "no item tells the two apart"
        if test.minimum_detectable is None
        else f"a true difference under {100 * test.minimum_detectable:.1f} pp would be found less "
        f"than {POWER:.0%} of the time"
    )
    return f"As two samples of different items, {a} less {b} is {figures}: {told}; {limit}."


def _newcombe(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the interval's limits and the p-value of two shares."""
    from scipy.stats import chi2_contingency

    one, two = (wilson(int(scores.sum()), len(scores)) for scores in (a, b))
    middle = one.value - two.value
    low = middle - math.hypot(one.value - one.low, two.high - two.value)
    high = middle + math.hypot(one.high - one.value, two.value - two.low)
    right = [int(a.sum()), int(b.sum())]
    wrong = [len(a) - right[0], len(b) - right[1]]
    if not any(right) or not any(wrong):
        return low, high, 1.0
    return low, high, float(chi2_contingency([right, wrong], correction=False).pvalue)


def _welch(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    from scipy.stats import ttest_ind

    if min(len(a), len(b)) < LEAST_ITEMS or a.var() + b.var() == 0:
        return -1.0, 1.0, 1.0
    test = ttest_ind(a, b, equal_var=False)
    limits = test.confidence_interval(CONFIDENCE)
    return max(-1.0, float(limits.low)), min(1.0, float(limits.high)), float(test.pvalue)


def _detectable(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float | None:
    """Return the standard errors that a test of both sides needs, at the pooled spread."""
    from scipy.special import ndtri

    spread = float(np.concatenate([a, b]).var())
    if spread == 0:
        return None
    error = math.sqrt(spread * (1 / len(a) + 1 / len(b)))
    return float(ndtri(1 - ALPHA / 2) + ndtri(POWER)) * error

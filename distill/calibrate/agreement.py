"""How far a judge and a human agree: kappa, shares of errors, the area under the ROC curve.

Pure functions from arrays to figures; nothing here knows files, models or thresholds of a config.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from distill.statistics import BISECTIONS, CONFIDENCE, Interval, wilson

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Kappa:
    """Agreement of two raters beyond chance.

    Args:
        value: In [-1, 1]; 1 is full agreement, 0 what chance gives.
        low: Lower limit of the 95 % interval, in [-1, 1].
        high: Upper limit, in [-1, 1].
        standard_error: Asymptotic, >= 0.
        n: Items, >= 1.
    """

    value: float
    low: float
    high: float
    standard_error: float
    n: int


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """What a judge kept and dropped of what a human called right and wrong; counts, >= 0."""

    kept_right: int
    kept_wrong: int
    dropped_right: int
    dropped_wrong: int

    @property
    def n(self) -> int:
        """All items."""
        return self.kept_right + self.kept_wrong + self.dropped_right + self.dropped_wrong

    @property
    def error_rate(self) -> Interval | None:
        """Share of all items on which the judge and the human differ."""
        return share(self.kept_wrong + self.dropped_right, self.n)

    @property
    def false_keep_rate(self) -> Interval | None:
        """Share of the wrong answers that the judge keeps: 1 - specificity."""
        return share(self.kept_wrong, self.kept_wrong + self.dropped_wrong)

    @property
    def false_drop_rate(self) -> Interval | None:
        """Share of the right answers that the judge drops: 1 - sensitivity."""
        return share(self.dropped_right, self.kept_right + self.dropped_right)

    @property
    def sensitivity(self) -> Interval | None:
        """Share of the right answers that the judge keeps; the same as recall."""
        return share(self.kept_right, self.kept_right + self.dropped_right)

    @property
    def specificity(self) -> Interval | None:
        """Share of the wrong answers that the judge drops."""
        return share(self.dropped_wrong, self.kept_wrong + self.dropped_wrong)

    @property
    def precision(self) -> Interval | None:
        """Share of what the judge keeps that is right."""
        return share(self.kept_right, self.kept_right + self.kept_wrong)


def share(part: int, whole: int) -> Interval | None:
    """Return a share with Wilson's interval; `None` of nothing."""
    return wilson(part, whole) if whole else None


def confusion(right: Bools, kept: Bools) -> Confusion:
    """Count.

    Args:
        right: `(items,)`, what the human says.
        kept: `(items,)`, what the judge does.
    """
    return Confusion(
        kept_right=int((kept & right).sum()),
        kept_wrong=int((kept & ~right).sum()),
        dropped_right=int((~kept & right).sum()),
        dropped_wrong=int((~kept & ~right).sum()),
    )


def cohens_kappa(one: Bools, other: Bools) -> Kappa | None:
    """Return Cohen's kappa of two raters who say yes or no.

    Args:
        one: `(items,)`.
        other: `(items,)`, in the same order.

    Returns:
        `None` where there is no item, or where chance alone gives full agreement (both say the
        same of every item): then nothing can be said.

    Note:
        The interval is the asymptotic one. Two raters who agree on every item have an asymptotic
        variance of 0, which is no knowledge: the lower limit is then that of Wilson's interval for
        their agreement, put in the place of the agreement.

    Source:
        Cohen 1960, Educ Psychol Meas 20:37; Fleiss, Cohen and Everitt 1969, Psychol Bull 72:323
        (the variance).
    """
    from scipy.special import ndtri

    n = len(one)
    if n == 0:
        return None
    cells = np.array([[(one & other).sum(), (one & ~other).sum()],
                      [(~one & other).sum(), (~one & ~other).sum()]]) / n  # fmt: skip
    rows, columns = cells.sum(axis=1), cells.sum(axis=0)
    observed, by_chance = float(np.trace(cells)), float(rows @ columns)
    if by_chance == 1:
        return None
    kappa = (observed - by_chance) / (1 - by_chance)
    agree = (np.diag(cells) * (1 - (rows + columns) * (1 - kappa)) ** 2).sum()
    differ = cells * (columns[:, None] + rows[None, :]) ** 2
    differ = (1 - kappa) ** 2 * (differ.sum() - np.trace(differ))
    spread = agree + differ - (kappa - by_chance * (1 - kappa)) ** 2
    error = math.sqrt(max(0.0, float(spread)) / n) / (1 - by_chance)
    reach = float(ndtri((1 + CONFIDENCE) / 2)) * error
    low = kappa - reach
    if observed == 1:
        low = (wilson(n, n).low - by_chance) / (1 - by_chance)
    return Kappa(
        value=float(kappa),
        low=max(-1.0, float(low)),
        high=min(1.0, float(kappa + reach)),
        standard_error=error,
        n=n,
    )


def area_under_roc(right: Bools, scores: Floats) -> Interval | None:
    """Return how often a right answer scores above a wrong one; ties count half.

    Args:
        right: `(items,)`, what the human says.
        scores: `(items,)`, what the judge says.

    Returns:
        `None` where all items are right, or all wrong.

    Source:
        Hanley and McNeil 1982, Radiology 143:29; the interval is Newcombe 2006, Stat Med 25:559,
        method 5, which stays inside [0, 1] and does not shrink to a point at 1.
    """
    from scipy.stats import rankdata

    m, n = int(right.sum()), int((~right).sum())
    if not m or not n:
        return None
    above = float(rankdata(scores)[right].sum()) - m * (m + 1) / 2
    area = above / (m * n)
    low = _newcombe_low(area, m, n)
    return Interval(area, low, 1 - _newcombe_low(1 - area, m, n), m + n)


def _newcombe_low(area: float, m: int, n: int) -> float:
    """Return the least true area from which the observed one lies no further than chance allows."""
    from scipy.special import ndtri

    critical = float(ndtri((1 + CONFIDENCE) / 2))
    pairs = (m + n) / 2 - 1
    low, high = 0.0, area
    for _ in range(BISECTIONS):
        true = (low + high) / 2
        spread = 1 + pairs * ((1 - true) / (2 - true) + true / (1 + true))
        reach = critical * math.sqrt(true * (1 - true) * spread / (m * n))
        low, high = (true, high) if area - true > reach else (low, true)
    return low


def roc_curve(right: Bools, scores: Floats) -> list[tuple[float, float, float]]:
    """Return (share of wrong kept, share of right kept, threshold), from keeping nothing on.

    Returns:
        One point a distinct score after the first, (0, 0, infinity); empty where all items are
        right, or all wrong.
    """
    m, n = int(right.sum()), int((~right).sum())
    if not m or not n:
        return []
    distinct = np.unique(scores)[::-1]
    order = np.argsort(-scores, kind="stable")
    falling = scores[order]
    until = np.searchsorted(-falling, -distinct, side="right")
    rights, wrongs = right[order].cumsum(), (~right[order]).cumsum()
    points = zip(wrongs[until - 1] / n, rights[until - 1] / m, distinct, strict=True)
    return [(0.0, 0.0, math.inf), *((float(x), float(y), float(t)) for x, y, t in points)]

"""Which threshold keeps mostly what a human calls right?

Every candidate is a set of answers that some threshold keeps. The lowest one whose precision is
shown is recommended, because it keeps most: shown means that the exact one-sided 95 % limit lies at
the wanted precision or above, the level divided by the number of candidates (Bonferroni), for the
choice among several is a search that favours luck. Where no limit reaches that high, the lowest
candidate whose observed precision does is named instead, said not to be shown, with the number of
labels that would show it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from distill.calibrate.agreement import Bools, Floats, share
from distill.statistics import ALPHA, Interval

CANDIDATES = 20
EQUAL = 1e-12
MOST_LABELS = 100_000


@dataclass(frozen=True, kw_only=True)
class Line:
    """What one threshold keeps.

    Args:
        threshold: In [0, 1]; answers that score it or more are kept.
        kept: Answers that it keeps, >= 0.
        precision: Share of the kept that is right; `None` where nothing is kept.
        recall: Share of the right that is kept; `None` where nothing is right.
        limit: Exact one-sided lower limit of the precision, shared among the candidates.
    """

    threshold: float
    kept: int
    precision: Interval | None
    recall: Interval | None
    limit: float


@dataclass(frozen=True, kw_only=True)
class Recommended:
    """A threshold for a wanted precision.

    Args:
        line: What it keeps.
        by: `limit`, shown; `estimate`, not shown: what was observed reaches it, the limit does not.
        labels_needed: Labels of the same kind that would show it, where that is not shown yet;
            `None` where it is, or where more than `MOST_LABELS` would be needed.
    """

    line: Line
    by: Literal["limit", "estimate"]
    labels_needed: int | None


def lines(right: Bools, scores: Floats, *, configured: float) -> list[Line]:
    """Return what the candidates keep, the lowest threshold first.

    Args:
        right: `(items,)`, what the human says; at least one item.
        scores: `(items,)`, the judge's, in [0, 1].
        configured: The threshold in use; it stands for every threshold that keeps the same.
    """
    cuts = _cuts(scores, configured)
    found = []
    for cut in cuts:
        kept = scores >= cut - EQUAL
        n, good = int(kept.sum()), int((kept & right).sum())
        found.append(
            Line(
                threshold=cut,
                kept=n,
                precision=share(good, n),
                recall=share(good, int(right.sum())),
                limit=_limit(good / n if n else 0.0, n, len(cuts)),
            )
        )
    return found


def recommend(candidates: Sequence[Line], *, precision: float, labels: int) -> Recommended | None:
    """Return the lowest threshold that reaches a precision, `None` where none does.

    Args:
        candidates: As `lines` returns them.
        precision: Wanted share of right answers among the kept, in [0, 1].
        labels: Labels that they were counted on, >= 1.
    """
    for line in candidates:
        if line.limit >= precision:
            return Recommended(line=line, by="limit", labels_needed=None)
    for line in candidates:
        if line.precision is not None and line.precision.value >= precision:
            needed = _needed(line, precision, labels, among=len(candidates))
            return Recommended(line=line, by="estimate", labels_needed=needed)
    return None


def _needed(line: Line, precision: float, labels: int, *, among: int) -> int | None:
    """Return how many labels would show a precision, were all as in those that there are."""
    observed = 0.0 if line.precision is None else line.precision.value
    low, high = labels, MOST_LABELS
    if labels >= high or _limit(observed, line.kept * high / labels, among) < precision:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        shown = _limit(observed, line.kept * middle / labels, among) >= precision
        low, high = (low, middle) if shown else (middle, high)
    return high


def _limit(share_right: float, kept: float, among: int) -> float:
    """Return the exact one-sided lower limit of a share, its level shared among candidates."""
    from scipy.stats import beta

    good = share_right * kept
    return float(beta.ppf(ALPHA / among, good, kept - good + 1)) if good else 0.0


def _cuts(scores: Floats, configured: float) -> list[float]:
    """Return thresholds, at most `CANDIDATES` and the one in use; no label has a say in them."""
    distinct = np.unique(scores)
    if len(distinct) > CANDIDATES:
        shares = np.arange(CANDIDATES) / CANDIDATES
        distinct = np.unique(np.quantile(scores, shares, method="higher"))
    cuts = [float(score) for score in distinct]
    in_use = int((scores >= configured - EQUAL).sum())
    at = int(np.searchsorted(distinct, configured - EQUAL))
    if at < len(cuts) and in_use == int((scores >= cuts[at] - EQUAL).sum()):
        cuts[at] = configured
    elif in_use:
        cuts.insert(at, configured)
    return cuts

"""From the scores of held-out items to an interval and a paired test, whatever kind they are.

Right-or-wrong scores are counted exactly, all others are resampled.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from distill.clustered import Clusters, clustered_interval, clustered_test
from distill.statistics import Interval, PairedTest, mcnemar_mid_p, paired_bootstrap, wilson

Scores = NDArray[np.float64]


def compare(a: Scores, b: Scores, seed: int, clusters: Clusters | None = None) -> PairedTest:
    """Compare two arms item by item: exactly where items are right or wrong, else by resampling.

    Args:
        a: (items,) scores in [0, 1].
        b: (items,) in the same order.
        seed: Of the resampling.
        clusters: Of the items, where some come from one source: whole clusters are resampled.
    """
    if clusters is not None:
        return clustered_test(a, b, clusters, seed)
    if is_binary(a) and is_binary(b):
        return mcnemar_mid_p(a > 0, b > 0)
    return paired_bootstrap(a, b, seed)


def interval(scores: Scores, seed: int, clusters: Clusters | None = None) -> Interval:
    """Return the mean of (items,) scores in [0, 1] with its 95 % interval."""
    if clusters is not None:
        return clustered_interval(scores, clusters, seed)
    if is_binary(scores):
        return wilson(int(scores.sum()), len(scores))
    spread = paired_bootstrap(scores, np.zeros_like(scores), seed)
    return Interval(spread.difference, spread.low, spread.high, spread.n)


def is_binary(scores: Scores) -> bool:
    """Say whether every score is 0 or 1."""
    return bool(np.isin(scores, (0.0, 1.0)).all())

"""Intervals and paired tests for items that come in clusters: several of one source.

Items of one source succeed and fail together, so that fifty of them say less than fifty strangers
would; on real question sets the honest standard error is up to three times the naive one. Here the
cluster is what is drawn: whole clusters are resampled, and whole clusters change sign.

Source: Miller 2024, arXiv 2411.00640, section 2.2 and equation 4 (clustered standard error); the
limits are the percentile bootstrap over clusters, and with few clusters they are too narrow.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from distill.statistics import (
    ALPHA,
    CONFIDENCE,
    POWER,
    Interval,
    PairedTest,
    mcnemar_mid_p,
    wilson,
)

Scores = NDArray[np.float64]
DRAWS = 2000
RESAMPLED_AT_ONCE = 1_000_000  # numbers in memory while resampling: 8 MB


@dataclass(frozen=True)
class Clusters:
    """Which cluster each item belongs to.

    Args:
        of: (items,) cluster of each, from 0.
        count: Clusters, >= 1.
    """

    of: NDArray[np.int64]
    count: int

    def where(self, mask: NDArray[np.bool_]) -> Clusters | None:
        """Return the clusters of the items for which `mask`, (items,), is true."""
        return clusters_of([str(cluster) for cluster in self.of[mask]])

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Return (clusters,) items of each."""
        return np.bincount(self.of, minlength=self.count)


def clusters_of(names: Sequence[str | None]) -> Clusters | None:
    """Return the clusters of items by the name of each one's source.

    Args:
        names: (items,); an item without a name is a cluster of its own.

    Returns:
        `None` where every item is one, so that nothing has to be clustered.
    """
    keys = [(name, -1) if name is not None else ("", i) for i, name in enumerate(names)]
    numbers = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    if len(numbers) == len(keys):
        return None
    return Clusters(np.array([numbers[key] for key in keys], dtype=np.int64), len(numbers))


def heldout_clusters(heldout: pl.DataFrame) -> Clusters | None:
    """Return the clusters that the held-out rows name under `cluster`, a key of their `extra`."""
    if "extra" not in heldout.columns:
        return None
    rows = (json.loads(extra or "{}").get("cluster") for extra in heldout["extra"])
    return clusters_of([None if name is None else str(name) for name in rows])


def clustered_standard_error(scores: Scores, clusters: Clusters) -> float:
    """Return the standard error of the mean where items of one cluster are not independent.

    Args:
        scores: (items,).
        clusters: Of the same items.
    """
    sums = np.bincount(clusters.of, weights=scores - scores.mean(), minlength=clusters.count)
    return float(math.sqrt((sums**2).sum()) / len(scores))


def clustered_interval(scores: Scores, clusters: Clusters, seed: int) -> Interval:
    """Return the mean of (items,) scores in [0, 1] with its 95 % interval over clusters.

    One cluster says nothing about the spread: its interval is all of [0, 1]. Where all scores are
    0 or all are 1, resampling finds no spread: the interval is Wilson's, each cluster one item.
    """
    if clusters.count > 1 and scores.min() == scores.max() and scores[0] in {0.0, 1.0}:
        alike = wilson(int(scores[0]) * clusters.count, clusters.count)
        return Interval(alike.value, alike.low, alike.high, len(scores))
    low, high = _limits(scores, clusters, seed) or (0.0, 1.0)
    return Interval(float(scores.mean()), low, high, len(scores))


def clustered_test(a: Scores, b: Scores, clusters: Clusters, seed: int) -> PairedTest:
    """Compare two students on clustered items.

    The interval is the percentile bootstrap over clusters; the p-value that of the sign-flip test
    in which a whole cluster changes sign. One cluster gives no verdict. Where the two never
    differ, resampling finds no spread: the interval is Tango's, each cluster one item.

    Args:
        a: (items,) scores in [0, 1].
        b: (items,) in the same order.
        clusters: Of the items.
        seed: Of the resampling.
    """
    differences = a - b
    low, high = _limits(differences, clusters, seed) or (-1.0, 1.0)
    if clusters.count > 1 and not differences.any():
        alike = mcnemar_mid_p(np.zeros(clusters.count), np.zeros(clusters.count))
        low, high = alike.low, alike.high
    return PairedTest(
        difference=float(differences.mean()),
        low=low,
        high=high,
        p_value=_sign_flip(differences, clusters, seed),
        n=len(a),
        only_a=int((a > b).sum()),
        only_b=int((a < b).sum()),
        minimum_detectable=_detectable(differences, clusters),
    )


def _limits(scores: Scores, clusters: Clusters, seed: int) -> tuple[float, float] | None:
    if clusters.count == 1:
        return None
    sums = np.bincount(clusters.of, weights=scores, minlength=clusters.count)
    rng = np.random.default_rng(seed)
    means = np.concatenate(
        [
            sums[drawn].sum(axis=1) / clusters.sizes[drawn].sum(axis=1)
            for drawn in (
                rng.integers(clusters.count, size=(rows, clusters.count))
                for rows in _batches(clusters.count)
            )
        ]
    )
    outside = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, (outside, 1 - outside))
    return float(low), float(high)


def _sign_flip(differences: Scores, clusters: Clusters, seed: int) -> float:
    sums = np.bincount(clusters.of, weights=differences, minlength=clusters.count)
    rng = np.random.default_rng(seed)
    observed = abs(sums.sum())
    as_far = 0
    for rows in _batches(clusters.count):
        signs = rng.integers(2, size=(rows, clusters.count)) * 2 - 1
        # What differs in its last bits only is as far.
        as_far += int((np.abs(signs @ sums) >= observed - 1e-9).sum())
    return (as_far + 1) / (DRAWS + 1)


def _batches(width: int) -> list[int]:
    """Return how many draws to make at a time."""
    most = max(1, RESAMPLED_AT_ONCE // width)
    whole, rest = divmod(DRAWS, most)
    return [most] * whole + ([rest] if rest else [])


def _detectable(differences: Scores, clusters: Clusters) -> float | None:
    """Return the least true difference that is found often enough, the mean taken as normal."""
    from scipy.special import ndtri

    error = clustered_standard_error(differences, clusters)
    if clusters.count == 1 or error == 0:
        return None
    smallest = float(ndtri(1 - ALPHA / 2) + ndtri(POWER)) * error
    return smallest if smallest <= 1 else None

"""How evenly the outputs fall into the topics that real texts have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from distill.component import Positive, component
from distill.diversity.vectors import vectors

SEED = 0
STARTS = 3
LEAST_A_CLUSTER = 5


@component
class ClusterEntropy:
    """Entropy of the outputs over clusters of the real references, divided by its largest value.

    The centroids are found among the real references alone (k-means, static vectors, with the
    extra `embed`), so that outputs cannot make clusters of their own; 1 is spread evenly.

    Args:
        clusters: >= 2; there must be five references for each, and as many that differ.
        rows: Outputs and references looked at, at most, >= 1.
    """

    name: ClassVar[str] = "cluster_entropy"
    needs_references: ClassVar[bool] = True

    clusters: Annotated[int, Field(ge=2, description="a whole number of 2 or more")]
    rows: Positive

    def measure(self, texts: Sequence[str], references: Sequence[str] = ()) -> float | None:
        """Return the entropy, in [0, 1]; `None` where there are too few references or no texts."""
        real, own = vectors(references, self.rows), vectors(texts, self.rows)
        if len(real) < LEAST_A_CLUSTER * self.clusters or not len(own):
            return None
        if len(np.unique(real, axis=0)) < self.clusters:
            return None
        return spread_over(own, centroids(real, self.clusters))


def centroids(real: NDArray[Any], clusters: int) -> NDArray[Any]:
    """Return the centres of clusters of real texts, `(clusters, dimensions)`."""
    from sklearn.cluster import KMeans

    found: NDArray[Any] = (
        KMeans(clusters, n_init=STARTS, random_state=SEED).fit(real).cluster_centers_
    )
    return found


def spread_over(own: NDArray[Any], centres: NDArray[Any]) -> float:
    """Return the entropy of texts over their nearest centres, in [0, 1]."""
    nearest = (own @ centres.T - (centres**2).sum(axis=1) / 2).argmax(axis=1)
    shares = np.bincount(nearest) / len(own)
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum() / np.log(len(centres))) + 0.0

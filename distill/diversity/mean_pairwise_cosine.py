"""How alike the outputs are on average."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from distill.component import Positive, component
from distill.diversity.vectors import Kind, mean_cosine, vectors


@component
class MeanPairwiseCosine:
    """Mean cosine of all pairs of outputs; high is alike.

    It is exact, not sampled pair by pair: the squared length of the sum of all vectors holds every
    pair. Its expectation does not hang on the number of outputs.

    Args:
        vectors: `static`: vectors of meaning, with the extra `embed`; `tfidf`: of words alone.
        rows: Outputs looked at, at most, >= 1.
    """

    name: ClassVar[str] = "mean_pairwise_cosine"

    vectors: Kind
    rows: Positive

    def measure(self, texts: Sequence[str]) -> float | None:
        """Return the mean, in [-1, 1]; `None` for fewer than two texts with words."""
        return mean_cosine(vectors(texts, self.rows, self.vectors))

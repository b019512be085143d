"""How varied a set of outputs is: one class and one YAML entry each.

The first three are simple and widely used; all three can improve while a model collapses, because
they measure length and punctuation as much as content. Distinct-n at a fixed number of tokens is
the one to watch. Compare any of them only between sets of equal size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from distill.diversity.distinct_n import DistinctN
from distill.diversity.length_std_dev import LengthStdDev
from distill.diversity.mean_vocab_size import MeanVocabSize
from distill.diversity.texts import Texts
from distill.diversity.top_bigram_frequency import TopBigramFrequency

__all__ = [
    "DistinctN",
    "DiversityMetric",
    "LengthStdDev",
    "MeanVocabSize",
    "Texts",
    "TopBigramFrequency",
]


@runtime_checkable
class DiversityMetric(Protocol):
    """One figure for a set of outputs. A word is what stands between whitespace, case kept."""

    @property
    def name(self) -> str:
        """Return the figure's key in the manifest and in tracking."""

    def measure(self, texts: Sequence[str]) -> float | None:
        """Return the figure; `None` where there is too little text to have one.

        Args:
            texts: The outputs, `(rows,)`; empty ones count as rows.
        """

"""How varied a set of outputs is: one class and one YAML entry each.

Three of them are simple and widely used (`mean_vocab_size`, `length_std_dev` and
`top_bigram_frequency`); all three can improve while a model collapses, because they measure length
and punctuation as much as content. Distinct-n at a fixed number of tokens is the one to watch.
Compare any of them only between sets of equal size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol, runtime_checkable

from distill.diversity.cluster_entropy import ClusterEntropy
from distill.diversity.compression_ratio import CompressionRatio
from distill.diversity.coverage import Coverage
from distill.diversity.distinct_n import DistinctN
from distill.diversity.length_std_dev import LengthStdDev
from distill.diversity.mean_pairwise_cosine import MeanPairwiseCosine
from distill.diversity.mean_vocab_size import MeanVocabSize
from distill.diversity.opener_concentration import OpenerConcentration
from distill.diversity.self_repetition import SelfRepetition
from distill.diversity.texts import Texts
from distill.diversity.top_bigram_frequency import TopBigramFrequency
from distill.diversity.vendi import Vendi

__all__ = [
    "ClusterEntropy",
    "CompressionRatio",
    "Coverage",
    "DistinctN",
    "DiversityMetric",
    "LengthStdDev",
    "MeanPairwiseCosine",
    "MeanVocabSize",
    "OpenerConcentration",
    "ReferencedMetric",
    "SelfRepetition",
    "Texts",
    "TopBigramFrequency",
    "Vendi",
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
            texts: The outputs, `(rows,)`; empty ones count as rows. `Texts` shares work between
                figures.

        Raises:
            ExtraMissingError: an optional package is not installed.
        """


@runtime_checkable
class ReferencedMetric(DiversityMetric, Protocol):
    """A figure for a set of outputs beside real references."""

    needs_references: ClassVar[bool]

    def measure(self, texts: Sequence[str], references: Sequence[str] = ()) -> float | None:
        """Return the figure; `None` where there are too few references or too little text.

        Args:
            texts: The outputs, `(rows,)`.
            references: Real texts of the same kind, `(references,)`.
        """

"""Distinct words an output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from distill.component import component
from distill.diversity.texts import Texts


@component
class MeanVocabSize:
    """Mean number of distinct words in an output; falls when outputs repeat themselves.

    Note:
        It also rises with length: compare it only between outputs of about equal length.
    """

    name: ClassVar[str] = "mean_vocab_size"

    def measure(self, texts: Sequence[str]) -> float | None:
        """Return the mean, >= 0; `None` for no texts."""
        sizes = Texts.of(texts).profile.vocab_sizes
        return int(sizes.sum()) / len(sizes) if len(sizes) else None

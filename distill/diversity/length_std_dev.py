"""Spread of the outputs' lengths."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import ClassVar

from distill.component import component


@component
class LengthStdDev:
    """Sample standard deviation (divided by n - 1) of words an output; falls as lengths converge.

    Note:
        It says nothing of content: in n-gram models it rose while quality fell.
    """

    name: ClassVar[str] = "length_std_dev"

    def measure(self, texts: Sequence[str]) -> float | None:
        """Return the standard deviation in words, >= 0; 0 for one text, `None` for none."""
        if not texts:
            return None
        if len(texts) == 1:
            return 0.0
        return statistics.stdev([len(text.split()) for text in texts])

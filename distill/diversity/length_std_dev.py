"""Spread of the outputs' lengths."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from distill.component import component
from distill.diversity.texts import Texts


@component
class LengthStdDev:
    """Sample standard deviation (divided by n - 1) of words an output; falls as lengths converge.

    Note:
        It says nothing of content: in n-gram models it rose while quality fell.
    """

    name: ClassVar[str] = "length_std_dev"

    def measure(self, texts: Sequence[str]) -> float | None:
        """Return the standard deviation in words, >= 0; 0 for one text, `None` for none."""
        n = len(texts)
        if n < 2:
            return 0.0 if n else None
        lengths = Texts.of(texts).profile.lengths
        # In whole numbers, which lose nothing where lengths differ by little.
        total, squares = int(lengths.sum()), int((lengths**2).sum())
        return math.sqrt((n * squares - total**2) / (n * (n - 1)))

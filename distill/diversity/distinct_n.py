"""Share of n-grams that are new, at a fixed number of tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from distill.component import Positive, component
from distill.diversity.ngrams import run_lengths
from distill.diversity.texts import Texts


@component
class DistinctN:
    """Distinct n-grams divided by n-grams, over a sample of exactly `tokens` words.

    The share falls as text is added, whatever the text, so that two sets are comparable only at
    the same number of words. How the sample is drawn is told in `Texts.sample`. No n-gram crosses
    from one text to the next.

    Args:
        n: Words in an n-gram, >= 1.
        tokens: Words in the sample, >= 1. Where the texts have fewer, all are used, and the
            figure is not comparable with one of a full sample.

    Source: Li et al. 2016, NAACL, arXiv 1510.03055 (distinct-1 and -2), there over all the text.
    """

    n: Positive
    tokens: Positive

    @property
    def name(self) -> str:
        """Return `distinct_2` for pairs, and so on."""
        return f"distinct_{self.n}"

    def measure(self, texts: Sequence[str]) -> float | None:
        """Return the share, in (0, 1]; `None` where no text has `n` words."""
        counts = run_lengths(np.sort(Texts.of(texts).sample(self.tokens).ngrams(self.n)))
        return len(counts) / int(counts.sum()) if len(counts) else None

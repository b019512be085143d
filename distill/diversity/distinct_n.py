"""Share of n-grams that are new, at a fixed number of tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from distill.component import Positive, component
from distill.diversity.ngrams import run_lengths, sorted_ngrams

SHUFFLE_SEED = 0


@component
class DistinctN:
    """Distinct n-grams divided by n-grams, over a sample of exactly `max_tokens` words.

    The share falls as text is added, whatever the text, so that two sets are comparable only at
    the same number of words. Texts are sorted, shuffled with a fixed seed (the order of the rows
    hence does not matter) and taken until the budget is full; the last one is cut to fit. No
    n-gram crosses from one text to the next.

    Args:
        n: Words in an n-gram, >= 1.
        max_tokens: Words in the sample, >= 1. Where the texts have fewer, all are used, and the
            figure is not comparable with one of a full sample.

    Source: Li et al. 2016, NAACL, arXiv 1510.03055 (distinct-1 and -2), there over all the text.
    """

    n: Positive
    max_tokens: Positive

    @property
    def name(self) -> str:
        """Return `distinct_2` for pairs, and so on."""
        return f"distinct_{self.n}"

    def measure(self, texts: Sequence[str]) -> float | None:
        """Return the share, in (0, 1]; `None` where no text has `n` words."""
        counts = run_lengths(sorted_ngrams(self._sample(texts), self.n))
        return len(counts) / int(counts.sum()) if len(counts) else None

    def _sample(self, texts: Sequence[str]) -> Iterator[list[str]]:
        ordered = sorted(texts)
        room = self.max_tokens
        for row in np.random.default_rng(SHUFFLE_SEED).permutation(len(ordered)):
            words = ordered[row].split()[:room]
            yield words
            room -= len(words)
            if room == 0:
                break

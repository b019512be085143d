"""How much of a text stands in other texts too, at a fixed number of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from distill.component import Positive, component
from distill.diversity.texts import Texts


@component
class SelfRepetition:
    """Mean log of one more than the places in other outputs where an output's n-grams stand too.

    For each output: over its distinct n-grams, the sum of the other outputs that have them; then
    log(1 + sum), averaged. 0 is none shared; e^figure - 1 is about the shared places an output.

    Args:
        n: Words in an n-gram, >= 1; 4 and more see phrases and not common words.
        tokens: Words in the sample, >= 1, as the figure rises with the text that is looked at.
            Where the texts have fewer, all are used, and the figure is not comparable with one of
            a full sample.

    Source: Salkar et al. 2022, AACL, as in Shaib et al. 2024, arXiv 2403.00553.
    """

    name: ClassVar[str] = "self_repetition"

    n: Positive
    tokens: Positive

    def measure(self, texts: Sequence[str]) -> float | None:
        """Return the mean, >= 0; `None` where no text has `n` words."""
        sample = Texts.of(texts).sample(self.tokens)
        hashes = sample.ngrams(self.n)
        if not len(hashes):
            return None
        held = np.maximum(sample.lengths - self.n + 1, 0)
        text = np.repeat(np.arange(len(held)), held)
        # Twice sorted: each n-gram once a text, then the texts of each n-gram together.
        order = np.lexsort((text, hashes))
        hashes, text = hashes[order], text[order]
        is_new = np.concatenate(([True], hashes[1:] != hashes[:-1]))
        first = is_new | np.concatenate(([True], text[1:] != text[:-1]))
        gram = is_new.cumsum()[first] - 1
        others = np.bincount(gram)[gram] - 1
        sums = np.bincount(text[first], weights=others, minlength=len(held))
        return float(np.log1p(sums).mean())

"""Figures of many parts of one set of texts at once, for tests that relabel a thousand times.

Words are split once; parts are then rows of a matrix of masks, and each figure is worked out for
all rows together. The figures are those of the metrics themselves, which the tests hold them to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from distill.diversity import (
    DistinctN,
    DiversityMetric,
    LengthStdDev,
    MeanPairwiseCosine,
    MeanVocabSize,
    OpenerConcentration,
    SelfRepetition,
    Texts,
    TopBigramFrequency,
    Vendi,
)
from distill.diversity.ngram_parts import Bools, Floats, NgramParts, quotient
from distill.diversity.ngrams import word_hashes
from distill.diversity.opener_concentration import opener
from distill.diversity.vectors import vendi_score

# Of `(parts, texts)` masks and a budget of words, which figures of n-grams take from the texts in
# their order, the last one cut to fit: `(parts,)` figures, NaN where there is too little text.
Measure = Callable[[Bools, int], Floats]


def is_fast(metric: DiversityMetric) -> bool:
    """Say whether a metric's figure can be had of a thousand parts in a second or less."""
    if isinstance(metric, MeanPairwiseCosine):
        return metric.vectors == "static"
    kinds = (DistinctN, LengthStdDev, MeanVocabSize, OpenerConcentration, SelfRepetition)
    return isinstance(metric, (*kinds, TopBigramFrequency))


class Parts:
    """Texts whose parts are measured.

    Args:
        texts: The texts; a word is what stands between whitespace, case kept.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._words = [text.split() for text in texts]
        self._hashes, self.lengths = word_hashes(self._words)

    def measure(self, metric: DiversityMetric) -> Measure:
        """Return the function that measures one figure.

        Args:
            metric: Its own budget of words or rows does not count: the parts have theirs.
        """
        if isinstance(metric, MeanVocabSize):
            vocab = np.array([len(set(words)) for words in self._words], dtype=np.float64)
            return lambda parts, _words: quotient(parts @ vocab, parts.sum(axis=1))
        if isinstance(metric, LengthStdDev):
            return self._length_sd
        if isinstance(metric, OpenerConcentration):
            return self._opener_concentration(metric.words)
        if isinstance(metric, MeanPairwiseCosine) and is_fast(metric):
            return self._mean_cosine()
        if isinstance(metric, Vendi):
            return self._vendi()
        if isinstance(metric, DistinctN):
            return NgramParts(self._hashes, self.lengths, metric.n).distinct_share
        if isinstance(metric, TopBigramFrequency):
            return NgramParts(self._hashes, self.lengths, 2).top_share
        if isinstance(metric, SelfRepetition):
            return NgramParts(self._hashes, self.lengths, metric.n).self_repetition
        return lambda parts, words: self._one_by_one(metric, parts, words)

    def _length_sd(self, parts: Bools, _words: int) -> Floats:
        own = self.lengths - self.lengths.mean() if len(self.lengths) else self.lengths
        n, total, squares = parts.sum(axis=1), parts @ own, parts @ own**2
        spread = squares - quotient(total**2, n)
        return np.sqrt(np.maximum(quotient(spread, n - 1), 0))

    def _opener_concentration(self, words: int) -> Measure:
        openers = [opener(text, words) for text in self._texts]
        numbers = {own: i for i, own in enumerate(dict.fromkeys(filter(None, openers)))}
        which = np.zeros((len(openers), len(numbers)), dtype=np.float32)
        for row, own in enumerate(openers):
            if own:
                which[row, numbers[own]] = 1
        which = which[:, which.sum(axis=0) > 1]

        def measured(parts: Bools, _words: int) -> Floats:
            alike, n = parts.astype(np.float32) @ which, parts.sum(axis=1)
            return quotient((alike * (alike - 1)).sum(axis=1, dtype=np.float64), n * (n - 1))

        return measured

    @cached_property
    def _vectors(self) -> Floats:
        from distill.embeddings import embed

        return embed(self._texts).astype(np.float64)

    def _vendi(self) -> Measure:
        vectors = self._vectors
        has = vectors.any(axis=1)

        def measured(parts: Bools, _words: int) -> Floats:
            found = [vendi_score(vectors[part & has]) for part in parts]
            return np.array([np.nan if one is None else one for one in found], dtype=np.float64)

        return measured

    def _mean_cosine(self) -> Measure:
        vectors = self._vectors
        has = vectors.any(axis=1)

        def measured(parts: Bools, _words: int) -> Floats:
            totals, n = parts @ vectors, (parts & has).sum(axis=1)
            return quotient((totals**2).sum(axis=1) - n, n * (n - 1))

        return measured

    def _one_by_one(self, metric: DiversityMetric, parts: Bools, words: int) -> Floats:
        found = [metric.measure(Texts(self._cut(part, words))) for part in parts]
        return np.array([np.nan if one is None else one for one in found], dtype=np.float64)

    def _cut(self, part: Bools, words: int) -> list[str]:
        """Return the texts of a part up to a budget of words."""
        taken = []
        for row in np.flatnonzero(part).tolist():
            length = int(self.lengths[row])
            own = self._texts[row] if length <= words else " ".join(self._words[row][:words])
            taken.append(own)
            words -= min(length, words)
            if words == 0:
                break
        return taken

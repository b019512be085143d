"""The figures of diversity, worked out for any part of a fixed set of texts in a fraction of a ms.

A permutation test asks for each figure two thousand times. Words are split and n-grams numbered
once; a part is then a mask. The figures are those of `distill.diversity`, which the tests hold
them to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import count

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Measure = Callable[[Bools, int], float | None]

DISTINCT = re.compile(r"distinct_([1-9])")
TOP_BIGRAM = "top_bigram_frequency"
MEAN_VOCAB = "mean_vocab_size"
LENGTH_SD = "length_std_dev"
# Without these a comparison says little, whatever the runs themselves measured.
ALWAYS = (MEAN_VOCAB, LENGTH_SD, TOP_BIGRAM, "distinct_2")


def is_known(name: str) -> bool:
    """Say whether the figure of this name can be measured here."""
    return name in ALWAYS or DISTINCT.fullmatch(name) is not None


class Texts:
    """Texts whose parts are measured.

    Args:
        texts: The texts; a word is what stands between whitespace, case kept.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._words = [text.split() for text in texts]
        self.lengths = np.array([len(words) for words in self._words], dtype=np.int64)
        self._vocab = np.array([len(set(words)) for words in self._words], dtype=np.float64)

    def measure(self, name: str) -> Measure:
        """Return the function that measures one figure.

        Args:
            name: One for which `is_known` holds.

        Returns:
            A function of a mask, `(texts,)`, and a budget of words, which figures that count
            n-grams take from the texts in their order, the last one cut to fit; `None` where
            there is too little text.
        """
        if name == MEAN_VOCAB:
            return self._mean_vocab
        if name == LENGTH_SD:
            return self._length_sd
        match = DISTINCT.fullmatch(name)
        grams = _Ngrams(self._words, self.lengths, 2 if match is None else int(match[1]))
        return grams.top_share if match is None else grams.distinct_share

    def _mean_vocab(self, part: Bools, _max_words: int) -> float | None:
        return float(self._vocab[part].mean()) if part.any() else None

    def _length_sd(self, part: Bools, _max_words: int) -> float | None:
        return float(self.lengths[part].std(ddof=1)) if part.sum() > 1 else None


class _Ngrams:
    """The n-grams of all texts: each one's number, its text, and where in the text it ends."""

    def __init__(self, texts: Sequence[Sequence[str]], lengths: NDArray[np.int64], n: int) -> None:
        numbers: dict[tuple[str, ...], int] = {}
        fresh = count().__next__
        codes = [
            numbers[gram] if gram in numbers else numbers.setdefault(gram, fresh())
            for words in texts
            for gram in _grams(words, n)
        ]
        held = np.maximum(lengths - n + 1, 0)
        self._codes = np.array(codes, dtype=np.int64)
        self._text = np.repeat(np.arange(len(lengths)), held)
        starts = np.arange(len(codes)) - np.repeat(held.cumsum() - held, held)
        self._ends = starts + n
        self._lengths = lengths
        self._distinct = len(numbers)

    def _counted(self, part: Bools, max_words: int) -> NDArray[np.int64]:
        """Return how often each n-gram stands in the first `max_words` words of a part."""
        lengths = np.where(part, self._lengths, 0)
        room = np.clip(max_words - (lengths.cumsum() - lengths), 0, lengths)
        counted = self._codes[self._ends <= room[self._text]]
        return np.bincount(counted, minlength=self._distinct)

    def distinct_share(self, part: Bools, max_words: int) -> float | None:
        counts = self._counted(part, max_words)
        total = int(counts.sum())
        return int(np.count_nonzero(counts)) / total if total else None

    def top_share(self, part: Bools, max_words: int) -> float | None:
        counts = self._counted(part, max_words)
        total = int(counts.sum())
        return int(counts.max()) / total if total else None


def _grams(words: Sequence[str], n: int) -> Iterable[tuple[str, ...]]:
    return zip(*(words[i:] for i in range(n)), strict=False)

"""N-grams of many texts as one array of 64-bit hashes: millions are counted faster than as tuples.

A word's hash is Python's own (SipHash, another key each process), and only equality of hashes is
ever used, so that figures do not hang on the key. That any two of 25 million n-grams share a hash
has a chance of about one in 60,000.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]

# 2**64 divided by the golden ratio: odd, so that no bit of a hash is lost, and far from regular.
SPREAD = np.uint64(0x9E3779B97F4A7C15)


def word_hashes(texts: Sequence[Sequence[str]]) -> tuple[Hashes, Counts]:
    """Return the hash of each word, `(words,)`, and the words of each text, `(texts,)`.

    Args:
        texts: Words of each text.
    """
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    words = map(hash, chain.from_iterable(texts))
    return np.fromiter(words, dtype=np.int64, count=int(lengths.sum())).view(np.uint64), lengths


def ngram_hashes(words: Hashes, lengths: Counts, n: int) -> Hashes:
    """Return the hash of each n-gram in the order of the text, `(ngrams,)`.

    Args:
        words: Hash of each word.
        lengths: Words of each text; no n-gram crosses from one text to the next.
        n: Words in an n-gram, >= 1.
    """
    hashes = words
    for step in range(1, n):
        hashes = hashes[:-1] * SPREAD + words[step:]
    starts, ends = np.ones(len(words), dtype=np.bool_), lengths.cumsum()
    for before_end in range(1, n):
        starts[(ends - before_end)[lengths >= before_end]] = False
    return hashes[starts[: len(hashes)]]


def run_lengths(ascending: npt.NDArray[np.uint64] | npt.NDArray[np.int64]) -> Counts:
    """Return how often each distinct number of a sorted array occurs, `(distinct,)`."""
    if not len(ascending):
        return np.zeros(0, dtype=np.int64)
    changes = np.flatnonzero(ascending[1:] != ascending[:-1]) + 1
    return np.diff(np.concatenate(([0], changes, [len(ascending)])))

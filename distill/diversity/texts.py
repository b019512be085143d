"""A set of texts whose words are split once, however many figures are worked out of them.

Splitting is what costs: a run's default figures split every text once together instead of once
each. It is done in blocks, and only a number or two a text is kept, so that a million texts need
little more memory than they take themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from distill.diversity.ngrams import Counts, Hashes, ngram_hashes, word_hashes
from distill.diversity.top_pair import TopPair

SHUFFLE_SEED = 0
BLOCK_CHARS = 100_000  # what a processor keeps near: fastest of those tried
PAIR = 2


class Profile(NamedTuple):
    """What one pass over all words gives.

    Args:
        lengths: Words of each text, `(texts,)`.
        vocab_sizes: Distinct words of each text, `(texts,)`.
        top_pair: Occurrences of the most frequent pair.
        pairs: Pairs in all.
    """

    lengths: Counts
    vocab_sizes: Counts
    top_pair: int
    pairs: int


class Texts(Sequence[str]):
    """The outputs that are measured; a word is what stands between whitespace, case kept.

    Args:
        texts: The outputs, `(rows,)`.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._samples: dict[int, Texts] = {}
        self._firsts: dict[int, Texts] = {}
        self._ngrams: dict[int, Hashes] = {}

    @classmethod
    def of(cls, texts: Sequence[str]) -> Texts:
        """Return `texts` itself where it is one already, so that its work is shared."""
        return texts if isinstance(texts, cls) else cls(texts)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        return self._texts[index]

    def __len__(self) -> int:
        return len(self._texts)

    @cached_property
    def profile(self) -> Profile:
        """The figures of all words, found in one pass."""
        lengths, vocab_sizes = [], []
        top, pairs = TopPair(self._pairs), 0
        for words in self._blocks():
            vocab_sizes += [len(set(text)) for text in words]
            hashes, own = word_hashes(words)
            block = ngram_hashes(hashes, own, PAIR)
            top.add(block)
            pairs += len(block)
            lengths.append(own)
        together = np.concatenate(lengths) if lengths else np.zeros(0, dtype=np.int64)
        return Profile(together, np.array(vocab_sizes, dtype=np.int64), top.count(), pairs)

    def sample(self, tokens: int) -> Texts:
        """Return a sample of exactly `tokens` words, or all texts where they have fewer.

        Texts are sorted, shuffled with a fixed seed (their order hence does not matter) and taken
        until the budget is full; the last one is cut to fit.

        Args:
            tokens: Words, >= 1.
        """
        if tokens not in self._samples:
            self._samples[tokens] = Texts(list(self._drawn(tokens)))
        return self._samples[tokens]

    def first(self, rows: int) -> Texts:
        """Return as many texts in the order of `sample`, or all where there are fewer.

        Args:
            rows: Texts, >= 1.
        """
        if rows not in self._firsts:
            self._firsts[rows] = Texts(self._shuffled[:rows])
        return self._firsts[rows]

    @cached_property
    def vectors(self) -> NDArray[np.float32]:
        """The static vectors of the texts that have any, `(texts, dimensions)`: for samples.

        Raises:
            ExtraMissingError: the extra `embed` is not installed.
        """
        from distill.embeddings import embed

        found = embed(self._texts)
        return found[found.any(axis=1)]

    @cached_property
    def words(self) -> list[list[str]]:
        """The words of each text: for samples, as all of them are kept."""
        return [text.split() for text in self._texts]

    def ngrams(self, n: int) -> Hashes:
        """Return the hash of each n-gram, `(ngrams,)` in the order of the text: for samples."""
        if n not in self._ngrams:
            self._ngrams[n] = ngram_hashes(*self._hashed, n)
        return self._ngrams[n]

    @cached_property
    def lengths(self) -> Counts:
        """The words of each text, `(texts,)`: for samples."""
        return self._hashed[1]

    @cached_property
    def _hashed(self) -> tuple[Hashes, Counts]:
        return word_hashes(self.words)

    @cached_property
    def _shuffled(self) -> list[str]:
        ordered = sorted(self._texts)
        return [ordered[i] for i in np.random.default_rng(SHUFFLE_SEED).permutation(len(ordered))]

    def _drawn(self, tokens: int) -> Iterator[str]:
        for text in self._shuffled:
            words = text.split(maxsplit=tokens)
            if len(words) > tokens:
                words = words[:tokens]
                text = " ".join(words)
            yield text
            tokens -= len(words)
            if tokens == 0:
                break

    def _blocks(self) -> Iterator[list[list[str]]]:
        block: list[list[str]] = []
        chars = 0
        for text in self._texts:
            block.append(text.split())
            chars += len(text)
            if chars >= BLOCK_CHARS:
                yield block
                block, chars = [], 0
        if block:
            yield block

    def _pairs(self) -> Iterator[Hashes]:
        for words in self._blocks():
            yield ngram_hashes(*word_hashes(words), PAIR)

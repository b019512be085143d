"""N-grams of many parts of one set of texts at once.

Whether an n-gram is in a part is an OR over its texts, taken for 64 parts in a machine word; one
that stands in a single text is a sum over texts. A thousand parts of 20,000 words take some
hundredths of a second.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distill.diversity.ngrams import ngram_hashes

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

# Numbers in memory while many parts are measured: some tens of megabytes.
AT_ONCE = 8_000_000
CANDIDATES = 16


class NgramParts:
    """The n-grams of a set of texts, and the figures of its parts that count them.

    A part is a row of `(parts, texts)` masks; a budget of words is filled from its texts in their
    order, the last one cut to fit. Figures are `(parts,)`, NaN where there is too little text.

    Args:
        hashes: Hash of each word of all texts, `(words,)`.
        lengths: Words of each text, `(texts,)`.
        n: Words in an n-gram, >= 1.
    """

    def __init__(self, hashes: NDArray[np.uint64], lengths: Ints, n: int) -> None:
        codes = ngram_hashes(hashes, lengths, n)
        self._n, self._lengths = n, lengths
        self._held = np.maximum(lengths - n + 1, 0)
        self._text = np.repeat(np.arange(len(lengths)), self._held)
        self._place = np.arange(len(codes)) - np.repeat(
            self._held.cumsum() - self._held, self._held
        )
        self._code = np.unique(codes, return_inverse=True)[1].astype(np.int64)
        self._counts = np.bincount(self._code)
        # Each n-gram once a text, where it stands there first; by text and place.
        _, first = np.unique(self._code * max(1, len(lengths)) + self._text, return_index=True)
        first.sort()
        texts_of = np.bincount(self._code[first], minlength=len(self._counts))
        self._own = first[texts_of[self._code[first]] == 1]
        self._shared = first[texts_of[self._code[first]] > 1]
        self._first = first

    def distinct_share(self, parts: Bools, max_words: int) -> Floats:
        """Return distinct n-grams by n-grams."""
        shared = np.unique(self._code[self._shared]).size
        return self._in_rows(self._distinct_share, parts, max_words, max(shared, 1))

    def top_share(self, parts: Bools, max_words: int) -> Floats:
        """Return the share of the most frequent n-gram."""
        return self._in_rows(self._top_share, parts, max_words, CANDIDATES)

    def self_repetition(self, parts: Bools, max_words: int) -> Floats:
        """Return the mean log of one more than the places that a text's n-grams have elsewhere."""
        return self._in_rows(self._self_repetition, parts, max_words, 1)

    def _in_rows(
        self,
        measured: Callable[[Bools, int], Floats],
        parts: Bools,
        max_words: int,
        numbers_a_part: int,
    ) -> Floats:
        rows = max(64, AT_ONCE // max(numbers_a_part, len(self._lengths), 1))
        found = [
            measured(parts[start : start + rows], max_words) for start in range(0, len(parts), rows)
        ]
        return np.concatenate(found) if found else np.zeros(0)

    def _taken(self, parts: Bools, max_words: int) -> tuple[Bools, Ints, Ints]:
        """Return which texts are in whole, `(parts, texts)`, and which text is cut to what.

        The text, `(parts,)`, is any where nothing of it is left; its n-grams are those before a
        place.
        """
        ends = np.where(parts, self._lengths, 0).cumsum(axis=1)
        # Nothing comes after the last word, not even a text without words.
        whole = parts & (ends <= max_words) & ((self._lengths > 0) | (ends < max_words))
        # The first text that goes beyond the budget, where there is one.
        beyond = ends > max_words
        cut = beyond.argmax(axis=1)
        row = np.arange(len(parts))
        room = max_words - (ends[row, cut] - self._lengths[cut])
        places = np.where(beyond[row, cut], np.maximum(room - self._n + 1, 0), 0)
        return whole, cut, places

    def _cut_ones(self, which: Ints, cut: Ints, places: Ints) -> tuple[Ints, Ints]:
        """Return the n-grams of cut texts: the part, and the index, of each.

        Args:
            which: Indices of n-grams by text and place.
            cut: `(parts,)` the text that is cut.
            places: `(parts,)` its n-grams that are left.
        """
        wide = int(self._lengths.max(initial=0)) + 1
        keys = self._text[which] * wide + self._place[which]
        low = np.searchsorted(keys, cut * wide)
        counts = np.searchsorted(keys, cut * wide + places) - low
        part = np.repeat(np.arange(len(cut)), counts)
        offset = np.arange(len(part)) - np.repeat(counts.cumsum() - counts, counts)
        return part, which[low[part] + offset]

    def _totals(self, whole: Bools, places: Ints) -> Ints:
        totals: Ints = whole @ self._held + places
        return totals

    def _distinct_share(self, parts: Bools, max_words: int) -> Floats:
        whole, cut, places = self._taken(parts, max_words)
        singles = whole @ np.bincount(self._text[self._own], minlength=len(self._lengths))
        part, _ = self._cut_ones(self._own, cut, places)
        singles = singles + np.bincount(part, minlength=len(parts))
        distinct = singles + self._shared_present(whole, cut, places)
        return quotient(distinct, self._totals(whole, places))

    def _shared_present(self, whole: Bools, cut: Ints, places: Ints) -> Ints:
        """Count, a part, the n-grams of more than one text that it has."""
        if not len(self._shared):
            return np.zeros(len(whole), dtype=np.int64)
        padded = np.zeros((whole.shape[1], -(-len(whole) // 64) * 64), dtype=np.bool_)
        padded[:, : len(whole)] = whole.T
        bits = np.packbits(padded, axis=1).view(np.uint64)
        order = self._shared[np.argsort(self._code[self._shared], kind="stable")]
        codes = self._code[order]
        starts = np.flatnonzero(np.concatenate(([True], codes[1:] != codes[:-1])))
        present = np.bitwise_or.reduceat(bits[self._text[order]], starts, axis=0)
        seen = np.unpackbits(present.view(np.uint8), axis=1)
        part, index = self._cut_ones(self._shared, cut, places)
        seen[np.searchsorted(codes[starts], self._code[index]), part] = 1
        counts: Ints = seen.sum(axis=0, dtype=np.int64)[: len(whole)]
        return counts

    def _top_share(self, parts: Bools, max_words: int) -> Floats:
        whole, cut, places = self._taken(parts, max_words)
        by_count = np.argsort(-self._counts, kind="stable")
        everything = np.arange(len(self._code))
        part, index = self._cut_ones(everything, cut, places)
        most, wanted = np.zeros(len(parts), dtype=np.int64), CANDIDATES
        while len(by_count):
            column = np.full(len(self._counts), -1)
            column[by_count[:wanted]] = np.arange(min(wanted, len(by_count)))
            held = np.zeros((len(self._lengths), min(wanted, len(by_count))))
            is_one = column[self._code] >= 0
            np.add.at(held, (self._text[is_one], column[self._code[is_one]]), 1)
            counts = whole @ held
            is_one = column[self._code[index]] >= 0
            np.add.at(counts, (part[is_one], column[self._code[index][is_one]]), 1)
            most = counts.max(axis=1).astype(np.int64)
            # What occurs less often in all texts than these in a part cannot lead there.
            if wanted >= len(by_count) or self._counts[by_count[wanted]] <= most.min():
                break
            wanted *= 4
        return quotient(most, self._totals(whole, places))

    def _self_repetition(self, parts: Bools, max_words: int) -> Floats:
        whole, cut, places = self._taken(parts, max_words)
        found = np.full(len(parts), np.nan)
        words = whole @ self._lengths
        is_cut = (words < max_words) & (np.where(parts, self._lengths, 0).sum(axis=1) > words)
        texts = whole.sum(axis=1) + is_cut
        text, code = self._text[self._first], self._code[self._first]
        for row in range(len(parts)):
            inside = whole[row][text]
            inside |= (text == cut[row]) & (self._place[self._first] < places[row])
            own = code[inside]
            if len(own):
                others = np.bincount(own)[own] - 1
                found[row] = np.log1p(np.bincount(text[inside], weights=others)).sum() / texts[row]
        return found


def quotient(above: NDArray[Any], below: NDArray[Any]) -> Floats:
    """Return a quotient, NaN where it divides by nothing."""
    wide = np.asarray(below, dtype=np.float64)
    found = np.full(len(wide), np.nan)
    np.divide(above, wide, out=found, where=wide > 0)
    return found

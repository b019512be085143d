"""The count of the most frequent word pair, exact and in bounded memory.

Pairs are first counted in buckets by their hash. A bucket that holds fewer pairs than one pair is
known to occur cannot hold the most frequent one, which in prose leaves a bucket or two; only
their pairs are then counted one by one. Where no pair stands out, what is left is counted in
groups of buckets, one pass over the texts for each, so that memory is bounded there too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from distill.diversity.ngrams import Counts, Hashes, run_lengths

BUCKET_BITS = 16
BUCKET_SHIFT = np.uint64(64 - BUCKET_BITS)
# Pairs that are sorted at once: 128 MB, and as much again for the blocks they came in.
SORTED_AT_ONCE = 16_000_000
# Pairs that are kept for the second look: 32 MB; of more, the texts are split again.
KEPT = 4_000_000


class TopPair:
    """Counts pairs block by block.

    Args:
        blocks: Returns the blocks once more from the start; asked for after the last `add`, and
            only if there were many pairs.
    """

    def __init__(self, blocks: Callable[[], Iterable[Hashes]]) -> None:
        self._blocks = blocks
        self._kept: list[Hashes] | None = []
        self._added = 0
        self._known = np.uint64(0)
        self._known_count = 0
        self._buckets: Counts = np.zeros(1 << BUCKET_BITS, dtype=np.int64)

    def add(self, pairs: Hashes) -> None:
        """Count a block of pairs."""
        if not len(pairs):
            return
        counts = np.bincount(pairs >> BUCKET_SHIFT, minlength=len(self._buckets))
        if not self._added:
            largest = np.sort(pairs[pairs >> BUCKET_SHIFT == np.uint64(counts.argmax())])
            runs = run_lengths(largest)
            self._known = largest[runs[: runs.argmax()].sum()]
        self._buckets += counts
        self._known_count += int((pairs == self._known).sum())
        self._added += len(pairs)
        if self._kept is not None:
            self._kept = [*self._kept, pairs] if self._added <= KEPT else None

    def count(self) -> int:
        """Return how often the most frequent pair occurs, 0 for no pairs."""
        if not self._added:
            return 0
        able = np.flatnonzero(self._buckets >= self._known_count)
        group = self._buckets[able].cumsum() // SORTED_AT_ONCE
        best = self._known_count
        for number in np.unique(group):
            best = max(best, self._most_in(able[group == number]))
        return best

    def _most_in(self, buckets: Counts) -> int:
        wanted = np.zeros(len(self._buckets), dtype=np.bool_)
        wanted[buckets] = True
        blocks = self._blocks() if self._kept is None else self._kept
        found = np.concatenate([pairs[wanted[pairs >> BUCKET_SHIFT]] for pairs in blocks])
        found.sort()
        return int(run_lengths(found).max(initial=0))

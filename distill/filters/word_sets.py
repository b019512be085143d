"""Which rows have nearly the same words as an earlier one: exact, by an index of rare words.

Two sets whose Jaccard index reaches a threshold share one of their rarest few members, so that
only sets which do are compared (prefix filtering: Bayardo, Ma, Srikant, "Scaling up all pairs
similarity search", WWW 2007). Unlike MinHash with locality-sensitive hashing, which this stands in
for, no pair is missed and nothing is drawn: the answer is the same on every machine and needs no
package. `benchmarks/dedup.py` compares the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from distill.filters.repeats import Repeats
from distill.guards.ngrams import PRIME, grams_of
from distill.wording import normalised, squeezed

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Candidates that are looked at together: some megabytes.
CANDIDATES_AT_ONCE = 250_000
PAIRS_AT_ONCE = 20_000
# An index is made anew once so many of its entries' worth of work went to rows that are gone.
MAX_WASTE = 0.25
ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class WordSets:
    """The sets of some rows, in parts that are compared one by one.

    Args:
        parts: One matrix a part, `(rows, members)`, 1 where the row has the member. Members are
            numbered by how rare they are, over all parts; no two parts share one.
        rows: Rows.
    """

    parts: tuple[Any, ...]
    rows: int

    @property
    def whole(self) -> Any:
        """All parts together, `(rows, members)`, a row's members from rare to common."""
        whole = sum(self.parts[1:], start=self.parts[0])
        whole.sort_indices()
        return whole


def word_sets(table: pl.DataFrame, columns: Sequence[str], words: int) -> WordSets:
    """Return the sets of `words` words in a row that stand in each column.

    Args:
        table: Has `columns`, texts.
        columns: A part each.
        words: Of a member, >= 1. A text of fewer words is one member as a whole, with its signs:
            of so short a text each one counts.
    """
    row, gram, part = (
        np.concatenate(found)
        for found in zip(
            *(_members(table, name, words, part) for part, name in enumerate(columns)), strict=True
        )
    )
    known = pl.DataFrame({"gram": gram})
    ranks = known.group_by("gram").len().sort("len", "gram").with_row_index("member")
    member = known.join(ranks, on="gram", how="left", maintain_order="left")["member"].to_numpy()
    shape = (table.height, ranks.height)
    parts = (_matrix(row[part == p], member[part == p], shape) for p in range(len(columns)))
    return WordSets(parts=tuple(parts), rows=table.height)


def repeats_in(sets: WordSets, threshold: float) -> Repeats:
    """Say which rows have in every part nearly the words of one earlier row that stays.

    Args:
        sets: Of the rows, in their order.
        threshold: Least Jaccard index of each part, in (0, 1].

    Returns:
        The rows, each with the lowest index of its parts.

    Note:
        Memory and time grow with the rows that do repeat and with those that nearly do: where all
        rows are one template and little else, each is compared with each.
    """
    repeats = Repeats.none(sets.rows)
    index = _Index.of_prefixes(sets.whole, threshold)
    start, waste = 0, 0
    while start < sets.rows:
        if waste > MAX_WASTE * len(index.rows):
            index, waste = index.without(repeats.of >= 0), 0
        end = index.end_of_block(start)
        later, earlier = index.candidates(start, end)
        alive = repeats.of[earlier] < 0
        waste += int((~alive).sum())
        pairs = _distinct(later[alive] * sets.rows + earlier[alive])
        for later, earlier in _in_order(*np.divmod(pairs, sets.rows), start, repeats.of):
            near, found = _near(sets, later, earlier, threshold)
            repeats.settle(later[near], earlier[near], found[near])
        start = end
    return repeats


@dataclass(frozen=True, kw_only=True)
class _Index:
    """The rarest members of each row, and which earlier rows have them among theirs.

    Args:
        rows: `(entries,)`, row of each entry, ascending.
        members: `(entries,)`, its member.
        listed: `(entries,)`, all rows again, by member.
        begin: `(entries,)`, where in `listed` the member's rows begin.
        place: `(entries,)`, where in `listed` this entry is.
        offsets: `(rows + 1,)`, where each row's entries begin.
    """

    rows: Ints
    members: Ints
    listed: Ints
    begin: Ints
    place: Ints
    offsets: Ints

    @classmethod
    def of_prefixes(cls, whole: Any, threshold: float) -> _Index:
        sizes = np.diff(whole.indptr).astype(np.int64)
        # A float that should be whole may lie above it, and would cost a member.
        prefix = sizes - np.ceil(threshold * sizes - ROUNDING).astype(np.int64) + 1
        prefix = np.minimum(prefix, sizes)
        at = _ranges(whole.indptr[:-1].astype(np.int64), prefix)
        rows = np.repeat(np.arange(len(sizes)), prefix)
        return cls._made(rows, whole.indices[at].astype(np.int64), len(sizes))

    @classmethod
    def _made(cls, rows: Ints, members: Ints, height: int) -> _Index:
        order = np.argsort(members, kind="stable")
        by_member = members[order]
        place = np.empty(len(rows), dtype=np.int64)
        place[order] = np.arange(len(rows))
        return cls(
            rows=rows,
            members=members,
            listed=rows[order],
            begin=np.searchsorted(by_member, members),
            place=place,
            offsets=np.searchsorted(rows, np.arange(height + 1)),
        )

    def without(self, gone: Flags) -> _Index:
        """Return the index without rows."""
        kept = ~gone[self.rows]
        return self._made(self.rows[kept], self.members[kept], len(self.offsets) - 1)

    def end_of_block(self, start: int) -> int:
        """Return where rows from `start` on have about `CANDIDATES_AT_ONCE` candidates."""
        first = self.offsets[start]
        step = self.offsets[min(start + CANDIDATES_AT_ONCE, len(self.offsets) - 1)]
        work = np.cumsum((self.place - self.begin)[first:step])
        entry = first + np.searchsorted(work, CANDIDATES_AT_ONCE)
        if entry >= step:
            return min(start + CANDIDATES_AT_ONCE, len(self.offsets) - 1)
        return max(start + 1, int(self.rows[entry]))

    def candidates(self, start: int, end: int) -> tuple[Ints, Ints]:
        """Return pairs of a row in `[start, end)` and an earlier one, some of them repeated."""
        entries = slice(self.offsets[start], self.offsets[end])
        lengths = (self.place - self.begin)[entries]
        earlier = self.listed[_ranges(self.begin[entries], lengths)]
        return np.repeat(self.rows[entries], lengths), earlier


def _members(
    table: pl.DataFrame, column: str, words: int, part: int
) -> tuple[Ints, NDArray[np.uint64], Ints]:
    """Return (row, hash, part) of every member, some of them repeated."""
    texts = table.select(words=normalised(column).fill_null(""), whole=squeezed(column))
    grams = grams_of(texts["words"], words)
    short = np.flatnonzero(grams.words < words)
    whole = texts["whole"].fill_null("").gather(short).hash(seed=1).to_numpy()
    hashed = np.concatenate((grams.hashed, whole.astype(np.uint64)))
    row = np.concatenate((grams.text, short))
    # Wraps around: the same words in another part are another member.
    tagged = hashed * np.uint64(PRIME) + np.uint64(part)
    return row, tagged, np.full(len(row), part)


def _matrix(row: Ints, member: Ints, shape: tuple[int, int]) -> Any:
    keys = _distinct(row * shape[1] + member)
    row, member = np.divmod(keys, max(shape[1], 1))
    offsets = np.searchsorted(row, np.arange(shape[0] + 1))
    return csr_array((np.ones(len(keys), dtype=np.int32), member, offsets), shape=shape)


def _distinct(numbers: Ints) -> Ints:
    """Return the numbers in their order, each once."""
    # Sorting is several times faster than what NumPy does to find distinct numbers.
    numbers = np.sort(numbers)
    distinct: Ints = numbers[np.diff(numbers, prepend=-1) != 0]
    return distinct


def _ranges(starts: Ints, lengths: Ints) -> Ints:
    """Return all whole numbers of the ranges `[start, start + length)`, one after the other."""
    ends = np.cumsum(lengths)
    counted = np.arange(ends[-1] if len(ends) else 0, dtype=np.int64)
    ranges: Ints = counted + np.repeat(starts - (ends - lengths), lengths)
    return ranges


def _in_order(later: Ints, earlier: Ints, start: int, of: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Yield the pairs of a block in an order in which few of them need be compared.

    First those with rows that are known to stay, because they lie before the block; then those
    with rows that have none before them; then the rest. Pairs of rows that went meanwhile are
    left out.

    Args:
        later: `(pairs,)`, ascending rows of the block.
        earlier: `(pairs,)`, a row before each.
        start: Where the block begins.
        of: As in `Repeats`, and filled in by whoever takes the pairs.
    """
    inside = earlier >= start
    yield later[~inside], earlier[~inside]
    later, earlier = later[inside], earlier[inside]
    undecided = (of[later] < 0) & (of[earlier] < 0)
    later, earlier = later[undecided], earlier[undecided]
    first = ~np.isin(earlier, later)
    yield later[first], earlier[first]
    rest = (of[later] < 0) & (of[earlier] < 0) & ~first
    yield later[rest], earlier[rest]


def _near(sets: WordSets, later: Ints, earlier: Ints, threshold: float) -> tuple[Flags, Floats]:
    """Say which pairs reach the threshold in every part, and the lowest index of the parts."""
    near = np.ones(len(later), dtype=bool)
    lowest = np.ones(len(later))
    for part in sets.parts:
        sizes = np.diff(part.indptr)
        a, b = sizes[later], sizes[earlier]
        # Sets of too unequal sizes cannot be alike.
        near &= np.minimum(a, b) >= threshold * np.maximum(a, b) - ROUNDING
        at = np.flatnonzero(near)
        for some in np.split(at, range(PAIRS_AT_ONCE, len(at), PAIRS_AT_ONCE)):
            shared = part[later[some]].multiply(part[earlier[some]]).sum(axis=1)
            lowest[some] = np.minimum(lowest[some], shared / (a[some] + b[some] - shared))
        near &= lowest >= threshold - ROUNDING
    return near, lowest

"""Two samples of equal size out of two datasets, and the ways in which they could be relabelled.

A unit is a question with the texts that belong to it. Units are ranked once, at random; each
sample takes its first units in that order, so that questions of both datasets come into both
samples together. What a relabelling may do follows from the role that a unit has:

    answered in both, differently   its texts are swapped between the sides with probability 1/2
    the same in both, or in one     its role is dealt anew among all such units

The first is the within-prompt label swap, the second the document permutation; a pair of runs
may need either or both. Were the runs of equal variety, every relabelling were as likely.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, zip_longest
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

MAX_ROWS = 1000
# Words of a sample: what keeps a thousand relabellings at a second or two.
MAX_WORDS = 50_000

IN_A, IN_B, IN_BOTH, SWAPPED = 1, 2, 3, 4
Bools = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Texts of both samples, and where each counts.

    Args:
        texts: (texts,) in the order of their units.
        unit: (texts,) the unit of each text, ascending.
        a_side: (texts,) whether the text counts for a side that its unit is labelled A by; for a
            unit that is swapped, whether it is A's text.
        role: (units,) `IN_A`, `IN_B`, `IN_BOTH` or `SWAPPED`.
        rows: Rows of each sample, (A, B); they differ by less than the samples of one question.
    """

    texts: tuple[str, ...]
    unit: NDArray[np.int64]
    a_side: Bools
    role: NDArray[np.int64]
    rows: tuple[int, int]

    @property
    def swapped(self) -> int:
        """Questions that both sides answered, differently."""
        return int((self.role == SWAPPED).sum())

    @property
    def dealt(self) -> int:
        """Questions whose role is dealt anew, 0 where all have the same."""
        dealt = self.role[self.role != SWAPPED]
        return len(dealt) if len(set(dealt.tolist())) > 1 else 0

    def sides(self) -> tuple[Bools, Bools]:
        """Return which texts belong to A and which to B, `(texts,)` each."""
        return self.labelled(self.role, np.zeros(len(self.role), dtype=np.bool_))

    def relabelled(self, rng: np.random.Generator, times: int) -> tuple[Bools, Bools]:
        """Return the same for random relabellings, `(times, texts)` each."""
        fixed = self.role != SWAPPED
        role = np.tile(self.role.astype(np.int8), (times, 1))
        role[:, fixed] = rng.permuted(role[:, fixed], axis=1)
        return self.labelled(role, rng.random(role.shape) < 0.5)

    def labelled(self, role: NDArray[Any], swap: Bools) -> tuple[Bools, Bools]:
        """Return which texts belong to A and which to B under given roles and swaps.

        Args:
            role: `(…, units)`.
            swap: `(…, units)`.
        """
        of_text, turned = role[..., self.unit], swap[..., self.unit]
        pair_a = (of_text == SWAPPED) & (self.a_side != turned)
        pair_b = (of_text == SWAPPED) & (self.a_side == turned)
        both = of_text == IN_BOTH
        return pair_a | both | (of_text == IN_A), pair_b | both | (of_text == IN_B)


def draw(
    a: pl.DataFrame,
    b: pl.DataFrame,
    column: str,
    *,
    seed: int,
    max_rows: int = MAX_ROWS,
    max_words: int = MAX_WORDS,
) -> Sample:
    """Draw samples of as many rows from both sides.

    Args:
        a: Rows of A with `question` and `column`.
        b: The same of B.
        column: The texts.
        seed: Of the order of the questions.
        max_rows: Rows of a sample, at most.
        max_words: Words of a sample, at most; a single text of any length is still a sample.
    """
    rng = np.random.default_rng(seed)
    units = _units(a, b, column)
    units = [units[i] for i in rng.permutation(len(units)).tolist()]
    rows = min(_rows_kept((unit[side] for unit in units), max_rows, max_words) for side in (0, 1))
    ours, theirs = (_first([unit[side] for unit in units], rows) for side in (0, 1))
    nothing: list[str] = []
    pairs = [pair for pair in zip_longest(ours, theirs, fillvalue=nothing) if any(pair)]
    # Questions that only one sample reached stand late in the order; their roles must not hang on
    # their places, which decide what a budget of words cuts off.
    return _sample([pairs[i] for i in rng.permutation(len(pairs))])


def _units(a: pl.DataFrame, b: pl.DataFrame, column: str) -> list[tuple[list[str], list[str]]]:
    """Return A's and B's texts of each question, sorted; empty where a side has none."""
    units: dict[str, tuple[list[str], list[str]]] = {}
    for side, frame in enumerate((a, b)):
        texts = zip(frame["question"].to_list(), frame[column].to_list(), strict=True)
        for question, text in texts:
            units.setdefault(question, ([], []))[side].append(text or "")
    return [(sorted(units[q][0]), sorted(units[q][1])) for q in sorted(units)]


def _rows_kept(units: Iterable[list[str]], max_rows: int, max_words: int) -> int:
    """Return the rows of the longest beginning that keeps within the limits."""
    rows = words = kept = 0
    for texts in units:
        rows += len(texts)
        words += sum(len(text.split()) for text in texts)
        if kept and (rows > max_rows or words > max_words):
            break
        # The first texts are kept in any case.
        kept = rows
    return kept


def _first(units: Sequence[list[str]], rows: int) -> list[list[str]]:
    """Return the longest beginning that holds `rows` rows at most."""
    ends = accumulate(len(texts) for texts in units)
    return [texts for texts, end in zip(units, ends, strict=True) if end <= rows]


def _sample(pairs: Sequence[tuple[list[str], list[str]]]) -> Sample:
    texts: list[str] = []
    unit: list[int] = []
    a_side: list[bool] = []
    roles: list[int] = []
    for number, (ours, theirs) in enumerate(pairs):
        role = _role(ours, theirs)
        own, other = (ours or theirs), (theirs if role == SWAPPED else [])
        roles.append(role)
        texts += [*own, *other]
        unit += [number] * (len(own) + len(other))
        a_side += [True] * len(own) + [False] * len(other)
    return Sample(
        texts=tuple(texts),
        unit=np.array(unit, dtype=np.int64),
        a_side=np.array(a_side, dtype=np.bool_),
        role=np.array(roles, dtype=np.int64),
        rows=(sum(len(pair[0]) for pair in pairs), sum(len(pair[1]) for pair in pairs)),
    )


def _role(ours: list[str], theirs: list[str]) -> int:
    if not theirs:
        return IN_A
    if not ours:
        return IN_B
    return IN_BOTH if ours == theirs else SWAPPED

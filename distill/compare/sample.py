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

from collections.abc import Sequence
from dataclasses import dataclass
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

    def relabelled(self, rng: np.random.Generator) -> tuple[Bools, Bools]:
        """Return the same for one random relabelling."""
        role = self.role.copy()
        fixed = role != SWAPPED
        role[fixed] = rng.permutation(role[fixed])
        return self.labelled(role, rng.random(len(role)) < 0.5)

    def labelled(self, role: NDArray[np.int64], swap: Bools) -> tuple[Bools, Bools]:
        """Return which texts belong to A and which to B under given roles and swaps, by unit."""
        of_text, turned = role[self.unit], swap[self.unit]
        pair_a = (of_text == SWAPPED) & (self.a_side != turned)
        pair_b = (of_text == SWAPPED) & (self.a_side == turned)
        both = of_text == IN_BOTH
        return pair_a | both | (of_text == IN_A), pair_b | both | (of_text == IN_B)


def draw(a: pl.DataFrame, b: pl.DataFrame, column: str, *, seed: int) -> Sample:
    """Draw samples of as many rows from both datasets, at most `MAX_ROWS` and `MAX_WORDS`.

    Args:
        a: Rows of A's dataset with `question` and `column`.
        b: The same of B.
        column: The texts.
        seed: Of the order of the questions.
    """
    rng = np.random.default_rng(seed)
    units = _units(a, b, column).sort("question")
    units = units[rng.permutation(units.height)]
    rows = min(_rows_kept(units, "a"), _rows_kept(units, "b"))
    cut = [_first(units[side].list.len().to_numpy(), rows) for side in ("a", "b")]
    texts = [
        [list(own) if i < end else [] for i, own in enumerate(units[side])]
        for side, end in zip(("a", "b"), cut, strict=True)
    ]
    pairs = [pair for pair in zip(*texts, strict=True) if any(pair)]
    # Questions that only one sample reached stand late in the order; their roles must not hang on
    # their places, which decide what a budget of words cuts off.
    return _sample([pairs[i] for i in rng.permutation(len(pairs))])


def _units(a: pl.DataFrame, b: pl.DataFrame, column: str) -> pl.DataFrame:
    """Return `question`, and A's and B's texts as sorted lists, empty where a side has none."""
    grouped = [
        side.group_by("question").agg(pl.col(column).fill_null("").sort().alias(name))
        for side, name in ((a, "a"), (b, "b"))
    ]
    empty = pl.lit([], dtype=pl.List(pl.String))
    return (
        grouped[0]
        .join(grouped[1], on="question", how="full", coalesce=True)
        .with_columns(pl.col("a", "b").fill_null(empty))
    )


def _rows_kept(units: pl.DataFrame, side: str) -> int:
    """Return the rows of the longest beginning that keeps within the limits."""
    rows = units[side].list.len().to_numpy().astype(np.int64).cumsum()
    counted = pl.col(side).list.eval(pl.element().str.count_matches(r"\S+")).list.sum()
    words = units.select(counted.fill_null(0)).to_series().to_numpy().astype(np.int64).cumsum()
    if not len(rows):
        return 0
    fits = int(((rows <= MAX_ROWS) & (words <= MAX_WORDS)).sum())
    # A single text of any length is still a sample.
    return int(rows[max(fits, min(int((rows == 0).sum()) + 1, len(rows))) - 1])


def _first(rows: NDArray[Any], limit: int) -> int:
    """Return how many units from the start hold `limit` rows at most."""
    return int((rows.astype(np.int64).cumsum() <= limit).sum())


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

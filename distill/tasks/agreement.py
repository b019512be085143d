"""How many samples of the same question come to the same answer."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Protocol

import polars as pl


class Reads(Protocol):
    """What finds the final answer; a `Task` does."""

    def final(self, answer: str) -> str | None:
        """Return what makes two answers the same, or `None` if it is absent."""


@dataclass(frozen=True, kw_only=True)
class Votes:
    """What the samples of one row's seed come to.

    Args:
        final: What the row's own answer comes to, or `None`.
        same: Samples that come to that, the row itself counted; 0 where `final` is `None`.
        samples: All samples of the seed, those without a final answer counted.
        most: Samples that come to the commonest final answer; 0 where none has one.
        tied: Whether several final answers are the commonest.
    """

    final: str | None
    same: int
    samples: int
    most: int
    tied: bool

    @property
    def share(self) -> float:
        """The share of samples that agree with the row, in [0, 1]."""
        return self.same / self.samples

    @property
    def in_words(self) -> str:
        """`2 of 3 samples come to 18`."""
        return f"{self.same} of {self.samples} samples come to {self.final}"


def votes(table: pl.DataFrame, task: Reads) -> list[Votes]:
    """Count the samples that agree, for every row.

    Args:
        table: Columns `seed_id` and `answer`, one row a sample.
        task: Says what makes two answers the same.
    """
    finals = [
        (seed, task.final(answer)) for seed, answer in table.select("seed_id", "answer").iter_rows()
    ]
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    samples: Counter[str] = Counter()
    for seed, final in finals:
        samples[seed] += 1
        if final is not None:
            counts[seed][final] += 1
    leading = {seed: _leading(counts[seed]) for seed in samples}
    return [
        Votes(
            final=final,
            same=0 if final is None else counts[seed][final],
            samples=samples[seed],
            most=leading[seed][0],
            tied=leading[seed][1],
        )
        for seed, final in finals
    ]


def _leading(counts: Counter[str]) -> tuple[int, bool]:
    """Return how often the commonest answer stands, and whether another stands as often."""
    first, second = ([n for _, n in counts.most_common(2)] + [0, 0])[:2]
    return first, first > 0 and first == second

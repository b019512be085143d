"""Which row repeats which: one that goes never makes another go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

Nearness = Annotated[
    float | None, Field(gt=0, le=1, description="a number above 0 and up to 1, or null")
]
# What has to be alike for one example to repeat another.
PARTS = ("question", "answer")


@dataclass(frozen=True, kw_only=True)
class Repeats:
    """The rows that go because an earlier one that stays says the same.

    Args:
        of: `(rows,)`, index of the row that each repeats; -1 for one that stays.
        nearness: `(rows,)`, how near the two are, in (0, 1]; 0 for one that stays.
    """

    of: Ints
    nearness: Floats

    @classmethod
    def none(cls, rows: int) -> Repeats:
        """Return the state in which every row stays."""
        return cls(of=np.full(rows, -1, dtype=np.int64), nearness=np.zeros(rows))

    def settle(self, later: Ints, earlier: Ints, nearness: Floats) -> None:
        """Let the later row of each near pair go, where the earlier one stays.

        Args:
            later: `(pairs,)`, ascending.
            earlier: `(pairs,)`, each smaller than its `later`; whether it stays is known from
                pairs before this one.
            nearness: `(pairs,)`, in (0, 1].
        """
        of = self.of
        for row, first, near in zip(
            later.tolist(), earlier.tolist(), nearness.tolist(), strict=True
        ):
            if of[row] < 0 and of[first] < 0:
                of[row], self.nearness[row] = first, near

    def details(self, table: pl.DataFrame, measure: str) -> pl.Series:
        """Return a text a row that goes, null for the others.

        Args:
            table: The rows.
            measure: What `nearness` is called.
        """
        gone = np.flatnonzero(self.of >= 0)
        told: list[str | None] = [None] * table.height
        ids = table["id"].gather(self.of[gone]).to_list()
        for row, first in zip(gone.tolist(), ids, strict=True):
            told[row] = f"repeats {first} ({measure} {self.nearness[row]:.2f})"
        return pl.Series(told, dtype=pl.String)

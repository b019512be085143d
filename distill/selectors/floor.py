"""A floor on the share of real questions: what is made up must not crowd out what was asked."""

from __future__ import annotations

import hashlib
from fractions import Fraction

import polars as pl

from distill.component import Share, component
from distill.table import SYNTHETIC

REASON = "real_share"


@component
class Floor:
    """The key that all selectors share.

    Args:
        min_real_share: Least share of the dataset's rows whose question is real (its origin is not
            `synthetic`), in [0, 1], real examples among them; rows with synthetic questions are
            left out until it holds, the worst-scored first. `None` sets no floor.
    """

    min_real_share: Share | None


def over_share(rows: pl.DataFrame, min_share: float, *, seed: int) -> pl.Series:
    """Return the ids of the synthetic rows that the floor has no room for.

    Args:
        rows: All rows of the dataset, with `id`, `origin` and `score`.
        min_share: The floor, in [0, 1].
        seed: Of the order of rows with equal scores; those without one go first.
    """
    synthetic = rows.filter(origin=SYNTHETIC)
    room = most_synthetic(rows.height - synthetic.height, min_share)
    if room is None or room >= synthetic.height:
        return synthetic["id"].clear()
    chance = pl.Series("chance", [_chance(seed, name) for name in synthetic["id"]])
    worst = synthetic.with_columns(chance).sort("score", "chance", nulls_last=False)
    return worst["id"].head(synthetic.height - room)


def most_synthetic(real: int, min_share: float) -> int | None:
    """Return how many synthetic rows may stand beside `real` real ones; `None` for any number."""
    # As it is written: 0.1 is a tenth, which no float is.
    share = Fraction(repr(min_share))
    return None if share == 0 else int(real * (1 - share) / share)


def _chance(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}\n{name}".encode()).hexdigest()

"""Synthetic evaluation sets flatter a student that was trained on synthetic data."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from distill.component import component
from distill.guards.finding import Evidence, Finding, Mode, When
from distill.table import SYNTHETIC


@component
class RealHeldout:
    """Fire when a held-out item is marked synthetic.

    Args:
        mode: `error`, `warn` or `off`.
    """

    when: ClassVar[When] = "before"
    mode: Mode

    def look(self, evidence: Evidence) -> Finding:
        """Look at the held-out items' origin."""
        if evidence.heldout is None:
            return Finding(fires=False, sentence="There is no held-out set.")
        made = evidence.heldout.filter(pl.col("origin") == SYNTHETIC)["id"].to_list()
        if not made:
            return Finding(
                fires=False, sentence=f"All {evidence.heldout.height} held-out items are real."
            )
        return Finding(
            fires=True,
            sentence=f"{len(made)} of {evidence.heldout.height} held-out items are synthetic.",
            rows=tuple(f"held-out {item}" for item in made),
            hint="keep only real, human-verified items in heldout.path",
        )

"""Seeds that nobody has asked are guesses at what users ask."""

from __future__ import annotations

from typing import Annotated, ClassVar

import polars as pl
from pydantic import Field

from distill.component import Share, component
from distill.guards.finding import Evidence, Finding, Mode, Untold, When
from distill.table import HUMAN, ORIGINS, REAL, SYNTHETIC, is_in

Limit = Annotated[Share | None, Field(description="a share in [0, 1], or null")]
WORDS = {"log": "out of logs", HUMAN: "hand-written or of no declared origin", SYNTHETIC: SYNTHETIC}


@component
class SeedShares:
    """Fire when too many seeds are hand-written or synthetic instead of asked by users.

    Before anything is spent it counts the seeds by their origin; in the finished dataset it counts
    the rows whose question is synthetic, as augmented ones are, and those that a human answered.

    Args:
        mode: `error`, `warn` or `off`.
        max_human: Highest share of the seeds that may be hand-written, in [0, 1]; `None` tells the
            share and never fires. A seed that says nothing of its origin counts as hand-written.
        max_synthetic: Highest share of the seeds that may be synthetic, in [0, 1]; `None` is off.
        max_synthetic_rows: Highest share of the dataset's rows whose question may be synthetic, in
            [0, 1]; `None` is off.
        min_real_answers: Lowest share of the dataset's rows that a human has answered, in [0, 1];
            `None` is off. It is for a teacher that is a student itself: without real answers
            beside its own, generations collapse.

    Source:
        Gerstgrasser et al. 2024 (arXiv:2404.01413): synthetic data that is added to the real keeps
        errors bounded, in the place of the real it collapses. The limits are judgement.
    """

    when: ClassVar[When] = "twice"
    mode: Mode
    max_human: Limit
    max_synthetic: Limit
    max_synthetic_rows: Limit
    min_real_answers: Limit

    def look(self, evidence: Evidence) -> Finding:
        """Count the seeds, or the rows of the finished dataset."""
        table = evidence.table
        return (
            self._rows(table.filter(is_in())) if "answer" in table.columns else self._seeds(table)
        )

    def _seeds(self, table: pl.DataFrame) -> Finding:
        seeds = table.unique("seed_id", maintain_order=True)
        counts = {origin: seeds.filter(pl.col("origin") == origin).height for origin in ORIGINS}
        told = ", ".join(f"{count:,} {WORDS[origin]}" for origin, count in counts.items() if count)
        limits = {HUMAN: self.max_human, SYNTHETIC: self.max_synthetic}
        over = {
            origin: most
            for origin, most in limits.items()
            if most is not None and counts[origin] > most * seeds.height
        }
        if seeds.is_empty():
            return Finding(fires=False, sentence="There are no seeds.", untold="idle")
        sentence = f"Of {seeds.height:,} seeds {told}"
        if not over:
            return Finding(fires=False, sentence=f"{sentence}.")
        allowed = " and ".join(f"{most:.0%} {origin}" for origin, most in over.items())
        made = seeds.filter(pl.col("origin") == SYNTHETIC)["id"] if SYNTHETIC in over else ()
        return Finding(
            fires=True,
            sentence=f"{sentence}; at most {allowed} are allowed.",
            rows=tuple(f"synthetic seed {name}" for name in made),
            hint='draw the seeds from what users have asked and say so with "origin": "log", or '
            f"set guard.seed_shares.max_{next(iter(over))}",
        )

    def _rows(self, rows: pl.DataFrame) -> Finding:
        real, least = rows.filter(pl.col("source") == REAL).height, self.min_real_answers
        if least is not None and real < least * rows.height:
            return Finding(
                fires=True,
                sentence=f"{real:,} of {rows.height:,} rows of the dataset have a human's answer, "
                f"less than the {least:.0%} wanted.",
                hint="more of seeds.real_labels, a smaller select.max_rows, or "
                "guard.seed_shares.min_real_answers",
            )
        made = rows.filter(pl.col("origin") == SYNTHETIC).height
        sentence = f"{made:,} of {rows.height:,} questions of the dataset are synthetic"
        most = self.max_synthetic_rows
        if most is None or made <= most * rows.height:
            untold: Untold | None = None if rows.height else "idle"
            return Finding(fires=False, sentence=f"{sentence}.", untold=untold)
        return Finding(
            fires=True,
            sentence=f"{sentence}, more than the {most:.0%} allowed.",
            hint="add real questions, set select.min_real_share, or set "
            "guard.seed_shares.max_synthetic_rows",
        )

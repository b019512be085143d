"""Synthetic evaluation sets flatter a student that was trained on synthetic data."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from distill.component import component
from distill.guards.finding import Evidence, Finding, Mode, When
from distill.statistics import wilson
from distill.table import SYNTHETIC
from distill.wording import squeezed

FEW = 200


@component
class RealHeldout:
    """Fire when a held-out item is marked synthetic, or when the held-out set contradicts itself.

    A question that stands twice with different references cannot be answered right both times;
    that is a warning at most. Questions that repeat themselves and a set too small to show much
    are said.

    Args:
        mode: `error`, `warn` or `off`.
    """

    when: ClassVar[When] = "before"
    mode: Mode

    def look(self, evidence: Evidence) -> Finding:
        """Look at the held-out items' origins, and for equal questions among them."""
        if evidence.heldout is None:
            return Finding(fires=False, sentence="There is no held-out set.", untold="idle")
        items = evidence.heldout
        made = items.filter(pl.col("origin") == SYNTHETIC)["id"].to_list()
        asked = _asked_twice(items)
        clashes = asked.filter(pl.col("references") > 1)
        told = [
            f"{len(made)} of {items.height} held-out items are synthetic"
            if made
            else f"All {items.height} held-out items are real"
        ]
        if not asked.is_empty():
            verb = "question is" if asked.height == 1 else "questions are"
            told.append(
                f"{asked.height} {verb} asked more than once, {clashes.height} of them with "
                "different references"
            )
        if items.height < FEW:
            told.append(_few(items.height))
        return Finding(
            fires=bool(made) or not clashes.is_empty(),
            sentence=f"{'; '.join(told)}.",
            rows=(
                *(f"held-out {item}" for item in made),
                *(
                    f"the same question, different references: held-out {', '.join(ids)}"
                    for ids in clashes["ids"]
                ),
            ),
            hint="keep only real, human-verified items in heldout.path, each question once",
            mild=not made,
        )


def _asked_twice(items: pl.DataFrame) -> pl.DataFrame:
    """Return one row a question that stands more than once: its `ids`, how many `references`."""
    # Signs count: 2+2 is not 2-2.
    asked = items.select("id", question=squeezed("question"), reference=squeezed("reference"))
    return (
        asked.group_by("question", maintain_order=True)
        .agg(ids=pl.col("id"), references=pl.col("reference").n_unique())
        .filter(pl.col("ids").list.len() > 1)
    )


def _few(items: int) -> str:
    half = wilson((items + 1) // 2, items)
    return (
        f"of a student that is right half of the time so few can only say that it is right "
        f"{half.low:.0%} to {half.high:.0%} of the time"
    )

"""Held-out items among the seeds make the evaluation a memory test."""

from __future__ import annotations

from typing import ClassVar

from distill.component import component
from distill.guards.finding import Evidence, Finding, Mode, When
from distill.wording import normalised


@component
class Contamination:
    """Fire when a held-out question is also a seed, compared by their words alone.

    Case, punctuation and white space do not count. The false-alarm rate is that of two real
    questions with the very same words, which is contamination all the same.

    Args:
        mode: `error`, `warn` or `off`.
    """

    when: ClassVar[When] = "before"
    mode: Mode

    def look(self, evidence: Evidence) -> Finding:
        """Join seeds and held-out items by their normalised questions."""
        if evidence.heldout is None:
            return Finding(fires=False, sentence="There is no held-out set to compare with.")
        seeds = evidence.table.select("seed_id", words=normalised("question")).unique(
            "seed_id", maintain_order=True
        )
        held = evidence.heldout.select("id", words=normalised("question"))
        hits = held.join(seeds, on="words", how="inner", maintain_order="left")
        if hits.is_empty():
            return Finding(
                fires=False,
                sentence=f"None of {held.height} held-out questions is among {seeds.height} seeds.",
            )
        shared = hits["id"].n_unique()
        return Finding(
            fires=True,
            sentence=f"{shared} of {held.height} held-out questions are among the seeds.",
            rows=tuple(
                f"held-out {item} is seed {seed}"
                for item, seed in hits.select("id", "seed_id").iter_rows()
            ),
            hint="take them out of seeds.path, or set guard.contamination.mode=warn to see what "
            "happens",
        )

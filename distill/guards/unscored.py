"""A judge that cannot be read chooses the training set by its failures."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from distill.component import Share, component
from distill.guards.finding import Evidence, Finding, Mode, When
from distill.table import JUDGED_COLUMNS, TEACHER, UNSCORED, add_columns


@component
class Unscored:
    """Fire when the judge gave too many answers no score at all.

    An answer without a score falls out, and answers that trip a judge up are not a random sample:
    long ones, odd ones, those with code or quotes.

    Args:
        mode: `error`, `warn` or `off`.
        max_share: Highest share of the judged answers that may be without a score, in [0, 1];
            1 never fires.
    """

    when: ClassVar[When] = "after"
    mode: Mode
    max_share: Share

    def look(self, evidence: Evidence) -> Finding:
        """Count the answers that the judge was asked for and did not score."""
        if evidence.judge is None:
            return Finding(fires=False, sentence="No model judges.", untold="idle")
        fell = pl.col("reason") == UNSCORED
        judged = add_columns(evidence.table, JUDGED_COLUMNS).filter(
            (pl.col("source") == TEACHER) & (pl.col("score").is_not_null() | fell)
        )
        without = judged.filter(fell)
        if judged.is_empty():
            return Finding(fires=False, sentence="Nothing was judged.", untold="idle")
        share = without.height / judged.height
        told = f"{without.height} of {judged.height} judged answers got no score ({share:.1%})"
        if share <= self.max_share:
            return Finding(fires=False, sentence=f"{told}; {self.max_share:.1%} are allowed.")
        return Finding(
            fires=True,
            sentence=f"{told}, more than the {self.max_share:.1%} allowed.",
            rows=tuple(
                f"row {row}: {reason or 'no reason given'}"
                for row, reason in without.select("id", "judge_reason").iter_rows()
            ),
            hint="take a judge that keeps to the schema or raise judge.via.max_tokens; "
            "guard.unscored.mode=warn goes on without those rows",
        )

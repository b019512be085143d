"""Answers that the teacher itself does not agree with when it is asked again."""

from __future__ import annotations

import polars as pl

from distill.component import Share, component
from distill.tasks import Task
from distill.tasks.agreement import Votes, votes

TOLD_CHARS = 60


@component
class SelfConsistency:
    """Drop rows whose answer too few of their seed's samples come to.

    Args:
        majority: Drop what is not the commonest final answer of its seed. Where two are equally
            common there is no majority, and both fall out.
        min_agreement: Least share of the seed's samples that come to the row's answer, in [0, 1];
            0 switches this rule off.
        task: Says what makes two answers the same.

    Note:
        Samples that have fallen out before do not count; those without a final answer count and
        fall out. A seed of which one sample is left passes: nothing speaks against it. With
        neither rule everything is kept.

        A task that compares whole texts (`qa`) makes every answer in prose differ from the next.

    Source:
        Self-consistency: Wang et al. 2022, arXiv 2203.11171.
    """

    majority: bool
    min_agreement: Share
    task: Task

    @property
    def needs_samples(self) -> bool:
        """One answer alone says nothing here."""
        return True

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """Return true for rows that the other samples do not agree with."""
        return self.details(table).is_not_null()

    def details(self, table: pl.DataFrame) -> pl.Series:
        """Return `1 of 3 samples come to 18, 2 to another answer` a row that is dropped."""
        told = [self._told(row) for row in votes(table, self.task)]
        return pl.Series("detail", told, dtype=pl.String)

    def _told(self, row: Votes) -> str | None:
        if row.samples < 2 or not (self.majority or self.min_agreement):
            return None
        if row.final is None:
            return "comes to no final answer"
        words = row.in_words
        words = words if len(words) <= TOLD_CHARS else f"{words[:TOLD_CHARS]}…"
        if self.majority and row.same < row.most:
            return f"{words}, {row.most} to another answer"
        if self.majority and row.tied:
            return f"{words}, as many to another answer"
        return words if row.share < self.min_agreement else None

"""Answers in which the teacher declines."""

from __future__ import annotations

import polars as pl

from distill.component import Texts, component
from distill.filters.openings import opens_with


@component
class Refusal:
    """Drop answers that begin with a refusal.

    Args:
        markers: First words of a refusal, in any case; typographic apostrophes count as plain
            ones. An empty list keeps everything.

    Note:
        Only the beginning counts: prose may speak of what cannot be done.
    """

    markers: Texts

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """Return true for answers that begin with a marker."""
        return opens_with(table["answer"], self.markers)

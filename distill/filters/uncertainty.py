"""Answers in which the teacher says that it does not know."""

from __future__ import annotations

import polars as pl

from distill.component import Texts, component
from distill.filters.openings import plain


@component
class Uncertainty:
    """Drop answers in which the teacher expresses uncertainty.

    Args:
        markers: Texts to look for, in any case; typographic apostrophes count as plain ones. An
            empty list keeps everything.

    Note:
        A teacher that is asked to admit doubt and whose admissions are all dropped teaches
        over-confidence: watch the share that this filter drops.
    """

    markers: Texts

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """Return true for answers that hold a marker."""
        if not self.markers:
            return pl.repeat(value=False, n=table.height, eager=True)
        return plain(table["answer"]).str.contains_any(plain(pl.Series(self.markers)).to_list())

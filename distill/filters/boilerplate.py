"""Answers that open with a chat model's set phrases."""

from __future__ import annotations

import polars as pl

from distill.component import Texts, component
from distill.filters.openings import opens_with


@component
class Boilerplate:
    """Drop answers that open with a set phrase, which a student would learn first of all.

    Args:
        openers: First words, in any case; typographic apostrophes count as plain ones. An empty
            list keeps everything.
    """

    openers: Texts

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """Return true for answers that begin with an opener."""
        return opens_with(table["answer"], self.openers)

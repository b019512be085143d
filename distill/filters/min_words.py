"""Length in words."""

from __future__ import annotations

import polars as pl

from distill.component import Count, component


@component
class MinWords:
    """Drop answers that are too short to be complete.

    Args:
        min_words: Fewest words, split at white space, >= 0; 0 keeps everything.
    """

    min_words: Count

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """Return true for answers of fewer words."""
        words = table["answer"].str.extract_all(r"\S+").list.len()
        return words < self.min_words

"""Length in words, from above."""

from __future__ import annotations

import polars as pl

from distill.component import Count, component


@component
class MaxWords:
    """Drop answers that are longer than a student is to write.

    Args:
        max_words: Most words, split at white space, >= 0; `None` keeps everything.
    """

    max_words: Count | None

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """Return true for answers of more words."""
        if self.max_words is None:
            return pl.repeat(value=False, n=table.height, eager=True)
        return table["answer"].str.extract_all(r"\S+").list.len() > self.max_words

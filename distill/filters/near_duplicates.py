"""The same example in nearly the same words."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from distill.component import component
from distill.filters.repeats import PARTS, Nearness, Repeats

# Every word of an n-gram is a pass over the table.
Words = Annotated[int, Field(ge=1, le=100, description="a whole number from 1 to 100")]


@component
class NearDuplicates:
    """Drop an example whose question and answer are nearly those of an earlier one that stays.

    Texts are compared by the Jaccard index of their word n-grams: those that both have, as a share
    of those that either has. Case, punctuation and white space do not count; in a text of fewer
    words than an n-gram signs do. The row that is repeated stands in `detail`.

    Args:
        threshold: Least Jaccard index of the questions, and of the answers, in (0, 1]; `None`
            keeps everything.
        words: Words of an n-gram, 1 to 100. The more, the nearer texts have to be.

    Note:
        Two worked answers that differ in their numbers alone can be near. A text in a script
        without spaces between words is one word, and near to its copies only.

    Source:
        Broder, "On the resemblance and containment of documents" (1997). Every pair that reaches
        the threshold is found, by the index in `word_sets.py`; nothing is drawn.
    """

    threshold: Nearness
    words: Words

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """Return true for every example that repeats an earlier one."""
        return self.details(table).is_not_null()

    def details(self, table: pl.DataFrame) -> pl.Series:
        """Return which row an example repeats, null for one that stays."""
        from distill.filters.word_sets import repeats_in, word_sets

        repeats = Repeats.none(table.height)
        if self.threshold is not None and table.height > 1:
            repeats = repeats_in(word_sets(table, PARTS, self.words), self.threshold)
        return repeats.details(table, "Jaccard index")

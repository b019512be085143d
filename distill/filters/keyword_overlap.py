"""Answers that talk about something else."""

from __future__ import annotations

import polars as pl

from distill.component import Positive, Share, component


@component
class KeywordOverlap:
    """Drop answers that share too few content words with their question.

    Args:
        min_share: Share of the question's content words that must stand in the answer, in
            [0, 1]; 0 keeps everything.
        min_letters: Letters a word needs to count as content, >= 1.

    Note:
        A question with no content word says nothing about its answer: kept.
    """

    min_share: Share
    min_letters: Positive

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """Return true for answers whose share of the question's content words is too low."""
        word = rf"\b\w{{{self.min_letters},}}\b"
        asked, said = (
            table[name].str.to_lowercase().str.extract_all(word).list.unique()
            for name in ("question", "answer")
        )
        words = asked.list.len()
        shared = asked.list.set_intersection(said).list.len()
        share = shared / words.cast(pl.Float64)
        return (words > 0) & (share < self.min_share)

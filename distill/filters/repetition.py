"""Answers that say the same over and over: what small and over-cooled models do."""

from __future__ import annotations

import polars as pl

from distill.component import Positive, Share, component


@component
class Repetition:
    """Drop answers that repeat themselves, on the whole or in a loop at the end.

    A phrase is a run of `phrase_words` words, split at white space, in any case.

    Args:
        phrase_words: Words of a phrase, >= 1.
        max_share: Largest share of an answer's phrases that repeat an earlier one, in [0, 1];
            1 keeps everything.
        max_endings: How often the last phrase may stand in the answer, >= 1; `None` for any
            number. A loop shows here long before it fills the answer.

    Note:
        An answer shorter than a phrase says nothing about repetition: kept. Text without spaces
        between words is one word.
    """

    phrase_words: Positive
    max_share: Share
    max_endings: Positive | None

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """Return true for answers with too many repeats, or too many endings."""
        rows = pl.int_range(table.height, dtype=pl.UInt32, eager=True).alias("row")
        words = table.select(
            row=rows, word=pl.col("answer").str.to_lowercase().str.extract_all(r"\S+")
        ).explode("word", empty_as_null=True)
        following = [pl.col("word").shift(-k).over("row") for k in range(self.phrase_words)]
        phrases = words.select("row", phrase=pl.concat_str(following, separator=" ")).drop_nulls()
        counted = phrases.group_by("row").agg(
            share=1 - pl.col("phrase").n_unique() / pl.len(),
            endings=(pl.col("phrase") == pl.col("phrase").last()).sum(),
        )
        loops = False if self.max_endings is None else pl.col("endings") > self.max_endings
        bad = counted.filter((pl.col("share") > self.max_share) | loops)["row"]
        return rows.is_in(bad.implode())

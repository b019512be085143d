"""Answers far longer or shorter than the others."""

from __future__ import annotations

import polars as pl

from distill.component import Positive, PositiveFloat, component

# The median absolute deviation of a normal distribution, in standard deviations.
MAD_OF_NORMAL = 0.6745


@component
class LengthOutliers:
    """Drop answers whose length stands apart from that of the others, in either direction.

    Lengths are compared as logarithms of words, within each slice: the distance to the median in
    units of the median absolute deviation, which outliers themselves do not move.

    Args:
        max_deviations: Largest distance, in standard deviations of a normal distribution of the
            same spread, above 0; `None` keeps everything.
        min_rows: Rows that a slice needs to say what is usual, >= 1; of fewer all are kept.

    Note:
        Where more than half of the lengths are the same, nothing is known of their spread: kept.

    Source:
        Iglewicz and Hoaglin 1993, How to Detect and Handle Outliers: the modified z-score, there
        with 3.5 as the limit. Theirs is of plain values; lengths of texts are skewed.
    """

    max_deviations: PositiveFloat | None
    min_rows: Positive

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """Return true for answers of an unusual length."""
        return self.details(table).is_not_null()

    def details(self, table: pl.DataFrame) -> pl.Series:
        """Return `900 words, usual are 40 to 210` a row that is dropped."""
        if self.max_deviations is None:
            return pl.repeat(None, table.height, dtype=pl.String, eager=True).alias("detail")
        words = table.select("slice", words=pl.col("answer").str.count_matches(r"\S+"))
        logs = (pl.col("words") + 1).log()
        middle = logs.median().over("slice")
        spread = (logs - middle).abs().median().over("slice") / MAD_OF_NORMAL
        known = (spread > 0) & (pl.len().over("slice") >= self.min_rows)
        reach = spread * self.max_deviations
        low = ((middle - reach).exp() - 1).ceil().clip(lower_bound=0).cast(pl.Int64)
        high = ((middle + reach).exp() - 1).floor().cast(pl.Int64)
        return words.select(
            detail=pl.when(known & ((logs - middle).abs() > reach)).then(
                pl.format("{} words, usual are {} to {}", "words", low, high)
                + pl.format(" in slice {}", "slice").fill_null("")
            )
        )["detail"]

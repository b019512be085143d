"""A filter of your own: one class here, one YAML in conf/filter/."""

from __future__ import annotations

import polars as pl

from distill.component import Count, component


@component
class NoUrls:
    """Drop answers with more links than `max_urls`.

    Args:
        max_urls: Most links an answer may hold, >= 0.
    """

    max_urls: Count

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """Return true for answers with too many links."""
        return table["answer"].str.count_matches(r"https?://") > self.max_urls

"""Answers that stop in mid-sentence because the tokens ran out."""

from __future__ import annotations

import polars as pl

from distill.component import Texts, component


@component
class Truncated:
    """Drop answers whose reply was cut.

    Args:
        stop_reasons: Stop reasons, as the provider or `distill` words them, that say so. An empty
            list keeps everything.

    Note:
        Tasks drop what was cut at `max_tokens` while they read replies; this rule is for stop
        reasons that a task does not know. A row without a stop reason is kept.
    """

    stop_reasons: Texts

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """Return true for answers with one of the stop reasons."""
        found = (
            table["stop_reason"].str.to_lowercase().is_in([r.lower() for r in self.stop_reasons])
        )
        return found.fill_null(value=False)

"""When two texts are the same one: shared by what looks for duplicates."""

from __future__ import annotations

import polars as pl


def normalised(column: str) -> pl.Expr:
    """Return a text's words: lower case, letters and digits only, single spaces.

    A text of signs alone stays as it is.
    """
    lower = pl.col(column).str.normalize("NFKC").str.to_lowercase().str.strip_chars()
    words = lower.str.replace_all(r"[^\p{L}\p{M}\p{N}]+", " ").str.strip_chars()
    return pl.when(words == "").then(lower).otherwise(words)


def squeezed(column: str) -> pl.Expr:
    """Return a text in lower case with single spaces; its signs count, for -5 is not 5."""
    lower = pl.col(column).str.normalize("NFKC").str.to_lowercase()
    return lower.str.replace_all(r"\s+", " ").str.strip_chars()

"""When two texts are the same one: shared by what looks for duplicates."""

from __future__ import annotations

import polars as pl

from distill.lookalikes import unmasked

# Soft hyphens, zero-width spaces and the like: not seen, and left behind by scraping.
INVISIBLE = r"\p{Cf}"
# Signs that make another question of the same words: 2+2 and 2-2, C++ and C#. Not those of
# punctuation, of lists and of emphasis, which a copy may lose.
SIGNS = r"[+*/%^=<>×÷]\s*[\p{N}(]|[+=<>^×÷]\s*\p{L}|(?:^|[^\p{L}\s]|\s)\p{Pd}\s*[\p{N}(]|\p{L}[+#]+"


def normalised(column: str) -> pl.Expr:
    """Return a text's words: lower case, letters and digits only, single spaces.

    Letters of another script in the place of those that they look like count as these. A text of
    signs alone stays as it is.
    """
    lower = _lower(column)
    words = lower.str.replace_all(r"[^\p{L}\p{M}\p{N}]+", " ").str.strip_chars()
    return pl.when(words == "").then(lower).otherwise(words)


def signed(column: str) -> pl.Expr:
    """Return `normalised` with the signs that count: equal where two questions are the same one."""
    signs = _lower(column).str.extract_all(SIGNS).list.join("").str.replace_all(r"\s+", "")
    return pl.concat_str(normalised(column), pl.lit("\0"), signs)


def squeezed(column: str) -> pl.Expr:
    """Return a text in lower case with single spaces; its signs count, for -5 is not 5."""
    return _cased(pl.col(column)).str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()


def _lower(column: str) -> pl.Expr:
    text = _cased(pl.col(column).str.replace_all(INVISIBLE, ""))
    return text.str.to_lowercase().str.strip_chars()


def _cased(text: pl.Expr) -> pl.Expr:
    """Return a text with its letters in one way of writing and of one script, their case kept."""
    plain = text.str.normalize("NFKC")
    return plain.map_batches(unmasked, return_dtype=pl.String, is_elementwise=True)

"""Markers as typed on any keyboard, and answers that begin with one."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl


def plain(texts: pl.Series) -> pl.Series:
    """Return texts in lower case, typographic apostrophes as plain ones."""
    return texts.str.to_lowercase().str.replace_all("[’ʼ`]", "'")


def opens_with(texts: pl.Series, openers: Sequence[str]) -> pl.Series:
    """Say which texts begin with one of `openers`, in any case, as whole words.

    Signs and white space before the first word do not count; nor do openers without a text.
    """
    wanted = [one for one in plain(pl.Series(openers, dtype=pl.String)) if one.strip()]
    if not wanted:
        return pl.repeat(value=False, n=len(texts), eager=True)
    # An opener that ends in a sign needs no end of a word after it.
    ends = (pl.escape_regex(one) + (r"\b" if one[-1].isalnum() else "") for one in wanted)
    return plain(texts).str.contains(rf"^[^\p{{L}}\p{{N}}]*(?:{'|'.join(ends)})")

"""Which held-out texts one training example gives away: shared n-grams of words, by hashes.

Source: Tülu 3 (arXiv:2411.15124): a test item is hit where more than half of its
tokens lie in 8-grams shared with one training example. Unlike there, tokens are words without case
and punctuation, so that a text in a script without spaces is one word; all is held in memory.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]
# Rows that share a template share n-grams with every item: pieces keep the memory flat.
ROWS_AT_ONCE = 10_000
PRIME = 0x9E3779B97F4A7C15
HITS = {"held": pl.Int64, "row": pl.Int64, "share": pl.Float64}


@dataclass(frozen=True, kw_only=True)
class Grams:
    """The n-grams of some texts.

    Args:
        text: `(grams,)`, index of the text that each lies in, ascending.
        place: `(grams,)`, index of its first word in that text.
        hashed: `(grams,)`, its 64-bit hash; two n-grams collide once in about 1e19 pairs.
        words: `(texts,)`, words of each text.
    """

    text: Ints
    place: Ints
    hashed: Hashes
    words: Ints


def grams_of(texts: pl.Series, n: int) -> Grams:
    """Return all n-grams of the texts.

    Args:
        texts: Words with single spaces between them; null has none.
        n: Words of an n-gram, >= 1.
    """
    split = texts.fill_null("").str.split(" ").list.eval(pl.element().filter(pl.element() != ""))
    words = split.list.len().cast(pl.Int64).to_numpy()
    hashes = split.explode(empty_as_null=False).hash(seed=0).to_numpy().astype(np.uint64)
    text = np.repeat(np.arange(len(words), dtype=np.int64), words)
    place = np.arange(len(text), dtype=np.int64) - np.repeat(np.cumsum(words) - words, words)
    starts = np.flatnonzero(place + n <= words[text])
    hashed = np.zeros(len(starts), dtype=np.uint64)
    for k in range(n):
        hashed = hashed * np.uint64(PRIME) + hashes[starts + k]
    return Grams(text=text[starts], place=place[starts], hashed=hashed, words=words)


def covered(heldout: pl.Series, texts: list[pl.Series], *, n: int) -> pl.DataFrame:
    """Say which share of each held-out text lies in n-grams that one row shares with it.

    Args:
        heldout: Held-out texts, as words.
        texts: Columns of the training rows (question, answer), as words; a row's n-grams are
            those of all its columns, none of which spans two.
        n: Words of an n-gram, >= 1.

    Returns:
        Columns `held` and `row` (indexes), and `share` in (0, 1], for the pairs that share any.
    """
    held = grams_of(heldout, n)
    items = pl.DataFrame({"held": held.text, "place": held.place, "gram": held.hashed})
    wanted = np.unique(held.hashed)
    found = [pl.DataFrame(schema=HITS)]
    for start in range(0, len(texts[0]) if len(wanted) else 0, ROWS_AT_ONCE):
        parts = [_shared(column[start : start + ROWS_AT_ONCE], wanted, n) for column in texts]
        pairs = pl.concat(parts).unique().join(items, on="gram")
        found.append(_shares(pairs, held.words, n).with_columns(pl.col("row") + start))
    return pl.concat(found)


def _shared(texts: pl.Series, wanted: Hashes, n: int) -> pl.DataFrame:
    grams = grams_of(texts, n)
    at = np.minimum(np.searchsorted(wanted, grams.hashed), len(wanted) - 1)
    hit = wanted[at] == grams.hashed
    return pl.DataFrame({"row": grams.text[hit], "gram": grams.hashed[hit]})


def _shares(pairs: pl.DataFrame, words: Ints, n: int) -> pl.DataFrame:
    """Count each covered word once: an n-gram adds what the one before it did not cover."""
    if pairs.is_empty():
        return pl.DataFrame(schema=HITS)
    held, row, place = (pairs[name].to_numpy() for name in ("held", "row", "place"))
    # One number a find sorts many times faster than three columns.
    rows, span = int(row.max()) + 1, int(words.max()) + 1
    order = np.sort((held * rows + row) * span + place)
    pair, place = np.divmod(order, span)
    first = np.concatenate(([True], pair[1:] != pair[:-1]))
    added = np.where(first, n, np.minimum(np.diff(place, prepend=0), n))
    starts = np.flatnonzero(first)
    held, row = np.divmod(pair[starts], rows)
    share = np.add.reduceat(added, starts) / words[held]
    return pl.DataFrame({"held": held, "row": row, "share": share}, schema=HITS)

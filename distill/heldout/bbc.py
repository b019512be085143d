"""News texts as held-out examples, apart from every text that a seed can be."""

from __future__ import annotations

import polars as pl

from distill.component import Positive, component
from distill.heldout.file import SCHEMA
from distill.records import Records, rows_sha256
from distill.records.bbc import HELDOUT, SOURCE, articles
from distill.table import HUMAN


@component
class BBCHeldout:
    """BBC news texts with their section.

    Args:
        items: How many, 1 to 300.
        max_words: Words of each text, from its start, >= 1; `None` takes whole texts.
    """

    items: Positive
    max_words: Positive | None

    def read(self) -> Records:
        """Return the examples, columns `SCHEMA`.

        Raises:
            UserError: the package with the texts is not installed.
        """
        rows = [
            {
                "id": f"bbc-{article.digest[:12]}",
                "question": " ".join(article.text.split()[: self.max_words]),
                "reference": article.section,
                "origin": HUMAN,
            }
            for article in articles()[HELDOUT][: self.items]
        ]
        frame = pl.DataFrame(rows, schema=SCHEMA)
        return Records(frame=frame, sha256=rows_sha256(frame), source=SOURCE)

"""News texts as seeds: an unlabelled pool, and labelled texts beside it."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from distill.component import Count, Positive, component
from distill.records import Records, rows_sha256
from distill.records.bbc import LABELLED, POOL, SOURCE, Article, articles
from distill.seeds.file import SCHEMA
from distill.seeds.real import choose_real
from distill.table import HUMAN


@component
class BBCSeeds:
    """BBC news texts of five sections.

    Args:
        pool: Texts without a label, for the teacher, 1 to 600.
        real_labels: Labelled texts that become real training examples, drawn so that every section
            has its share, 0 to about 550; `None` takes them all.
        max_words: Words of each text, from its start, >= 1; `None` takes whole texts.
        seed: Of the draw of labelled texts.
    """

    pool: Positive
    real_labels: Count | None
    max_words: Positive | None
    seed: Count

    def read(self) -> Records:
        """Return the labelled texts that were drawn, then the pool; columns `SCHEMA`.

        Raises:
            UserError: the package with the texts is not installed.
        """
        labelled = frame_of(articles()[LABELLED], self.max_words)
        drawn = choose_real(labelled, self.real_labels, self.seed)
        pool = frame_of(articles()[POOL][: self.pool], self.max_words).with_columns(
            reference=pl.lit(None, dtype=pl.String)
        )
        frame = pl.concat([labelled.filter(pl.col("id").is_in(drawn)), pool])
        return Records(frame=frame, sha256=rows_sha256(frame), source=SOURCE)


def frame_of(texts: Sequence[Article], max_words: int | None) -> pl.DataFrame:
    """Return articles as labelled seeds, columns `SCHEMA`."""
    rows = [
        {
            "id": f"bbc-{article.digest[:12]}",
            "question": " ".join(article.text.split()[:max_words]),
            "origin": HUMAN,
            "reference": article.section,
        }
        for article in texts
    ]
    return pl.DataFrame(rows, schema=SCHEMA)

"""No seeds: the run makes no dataset and evaluates a student that was trained elsewhere."""

from __future__ import annotations

import polars as pl

from distill.component import component
from distill.records import Records, rows_sha256
from distill.seeds.file import SCHEMA

SOURCE = "none"


@component
class NoSeeds:
    """Leave the teacher nothing to answer."""

    @property
    def real_labels(self) -> int | None:
        """None are labelled."""
        return 0

    def read(self) -> Records:
        """Return no rows, with the columns `SCHEMA`."""
        frame = pl.DataFrame(schema=SCHEMA)
        return Records(frame=frame, sha256=rows_sha256(frame), source=SOURCE)

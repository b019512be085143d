"""Prompt and completion pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from distill.component import component


@component
class Completion:
    """Write each example as `{"prompt": …, "completion": …}`."""

    def lines(self, table: pl.DataFrame) -> Iterator[Mapping[str, Any]]:
        """Yield one object a row."""
        for question, answer in table.select("question", "answer").iter_rows():
            yield {"prompt": question, "completion": answer}

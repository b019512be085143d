"""Chat messages, as most training libraries read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from distill.component import component


@component
class Chat:
    """Write each example as `{"messages": [system?, user, assistant]}`.

    Args:
        system: System prompt that the student is trained with, or `None` for none.
    """

    system: str | None

    def lines(self, table: pl.DataFrame) -> Iterator[Mapping[str, Any]]:
        """Yield one object a row."""
        opening = [] if self.system is None else [{"role": "system", "content": self.system}]
        for question, answer in table.select("question", "answer").iter_rows():
            turns = [
                {"role": "user", "content": question},
                {"role": "assistant", "content": answer},
            ]
            yield {"messages": [*opening, *turns]}

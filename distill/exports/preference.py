"""Pairs of a chosen and a rejected answer, as trainers of preferences read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from distill.component import component


@component
class Preference:
    """Write each example as `{"prompt": [...], "chosen": [...], "rejected": [...]}`.

    Each of the three is a list of chat messages: the conversational format of TRL's preference
    trainers. The rows are those that won a comparison, see `judges/pairwise.py`.

    Args:
        system: System prompt that the student is trained with, or `None` for none.
    """

    system: str | None

    def lines(self, table: pl.DataFrame) -> Iterator[Mapping[str, Any]]:
        """Yield one object a row."""
        opening = [] if self.system is None else [{"role": "system", "content": self.system}]
        if table.is_empty():
            return
        columns = ("question", "answer", "rejected_answer")
        for question, chosen, rejected in table.select(columns).iter_rows():
            yield {
                "prompt": [*opening, {"role": "user", "content": question}],
                "chosen": [{"role": "assistant", "content": chosen}],
                "rejected": [{"role": "assistant", "content": rejected}],
            }

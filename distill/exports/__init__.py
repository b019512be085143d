"""Formats of the training set: one class and one YAML each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

import polars as pl

from distill.exports.chat import Chat
from distill.exports.completion import Completion
from distill.exports.preference import Preference
from distill.exports.step_by_step import StepByStep

__all__ = ["Chat", "Completion", "Export", "Preference", "StepByStep"]


@runtime_checkable
class Export(Protocol):
    """A format: one JSON object an example."""

    def lines(self, table: pl.DataFrame) -> Iterator[Mapping[str, Any]]:
        """Yield one object a row, in the table's order.

        Args:
            table: The rows of the dataset, with `question` and `answer`; see `table.py`.
        """

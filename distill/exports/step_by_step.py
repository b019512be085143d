"""Answers and rationales apart, as trainers of two tasks read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from distill.component import Text, component
from distill.rationales import parted


@component
class StepByStep:
    """Write each example as `{"input": …, "label": …, "rationale": …}`; a rationale may be null.

    Args:
        marker: Stands between rationale and answer; an answer that holds it is parted there.

    Source:
        The names are those of the code that Hsieh et al. 2023 (arXiv 2305.02301) released.
    """

    marker: Text

    def lines(self, table: pl.DataFrame) -> Iterator[Mapping[str, Any]]:
        """Yield one object a row."""
        columns = ("question", "answer", "rationale")
        for question, answer, kept in table.select(columns).iter_rows():
            rationale, label = parted(answer, kept, self.marker)
            yield {"input": question, "label": label, "rationale": rationale}

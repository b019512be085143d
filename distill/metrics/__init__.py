"""How a student's answers are scored against human references: one class and one YAML entry each.

An answer is `None` where the student gave none. It scores 0 and stays in the count, so that
failing to answer never raises a score. A metric that can judge one item alone is an `ItemMetric`:
its scores can be compared between two students item by item (`distill.statistics`). One that
needs the whole set, such as macro F1, is a `Metric` only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from distill.metrics.accuracy import Accuracy
from distill.metrics.containment import Containment
from distill.metrics.exact_number import ExactNumber
from distill.metrics.macro_f1 import MacroF1
from distill.metrics.token_f1 import TokenF1

__all__ = [
    "Accuracy",
    "Containment",
    "ExactNumber",
    "ItemMetric",
    "MacroF1",
    "Metric",
    "TokenF1",
]


@runtime_checkable
class Metric(Protocol):
    """One figure for a set of answers."""

    @property
    def name(self) -> str:
        """Return the metric's key in the manifest and in tracking."""

    def summary(self, answers: Sequence[str | None], references: Sequence[str]) -> float:
        """Return the figure, in [0, 1].

        Args:
            answers: `(items,)`, `None` where there is no answer.
            references: `(items,)`, in the same order, none of them empty.

        Raises:
            ValueError: unequal lengths, or no items.
        """


@runtime_checkable
class ItemMetric(Metric, Protocol):
    """A metric whose figure is the mean of one score an item."""

    def score(
        self, answers: Sequence[str | None], references: Sequence[str]
    ) -> npt.NDArray[np.float64]:
        """Return `(items,)` scores, each in [0, 1].

        Args:
            answers: `(items,)`, `None` where there is no answer.
            references: `(items,)`, in the same order, none of them empty.

        Raises:
            ValueError: unequal lengths.
        """

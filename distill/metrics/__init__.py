"""How a student's answers are scored against human references: one class and one YAML entry each.

An answer is `None` where the student gave none. It scores 0 and stays in the count, so that
failing to answer never raises a score. A metric that can judge one item alone is an `ItemMetric`:
its scores can be compared between two students item by item (`distill.statistics`). One that
needs the whole set, such as macro F1, is a `Metric` only. One that asks a model is an
`AskingMetric`: it becomes an `ItemMetric` on the questions of one set (`on_items`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from distill.metrics.accuracy import Accuracy
from distill.metrics.containment import Containment
from distill.metrics.exact_number import ExactNumber
from distill.metrics.judged import Judged
from distill.metrics.macro_f1 import MacroF1
from distill.metrics.token_f1 import TokenF1
from distill.models.client import ModelClient
from distill.models.protocol import Model, Request

__all__ = [
    "Accuracy",
    "AskingMetric",
    "Containment",
    "ExactNumber",
    "ItemMetric",
    "Judged",
    "MacroF1",
    "MarkingMetric",
    "Metric",
    "TokenF1",
    "mark_all",
    "on_items",
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


@runtime_checkable
class MarkingMetric(ItemMetric, Protocol):
    """An item metric whose marks somebody else gives, who may fail to."""

    def mark(self, several: Sequence[Sequence[str | None]], references: Sequence[str]) -> None:
        """Have the answers of several students marked at once; later scores cost nothing.

        Args:
            several: Each `(items,)`, `None` where there is no answer.
            references: `(items,)`, in the same order.
        """

    def unscored(self, answers: Sequence[str | None], references: Sequence[str]) -> int:
        """Count the answers that got no mark; they score 0."""


@runtime_checkable
class AskingMetric(Protocol):
    """A metric that has to ask a model, and therefore to know the questions."""

    @property
    def name(self) -> str:
        """Return the metric's key in the manifest and in tracking."""

    @property
    def human(self) -> str | None:
        """Return the file of answers that humans have marked, or `None`."""

    @property
    def endpoint(self) -> Model:
        """Return the model that is asked."""

    def on(self, questions: Sequence[str], client: ModelClient) -> MarkingMetric:
        """Return the metric of answers to these questions, `(items,)`."""

    def request(self, question: str, answer: str, reference: str) -> Request:
        """Return what is asked about one answer."""


def on_items(
    metrics: Mapping[str, Metric | AskingMetric], questions: Sequence[str], client: ModelClient
) -> dict[str, Metric]:
    """Return the metrics of answers to these questions.

    Args:
        metrics: By name, in their order.
        questions: `(items,)`.
        client: For those that ask a model.
    """
    return {
        name: metric.on(questions, client) if isinstance(metric, AskingMetric) else metric
        for name, metric in metrics.items()
    }


def mark_all(
    metrics: Mapping[str, Metric],
    several: Sequence[Sequence[str | None]],
    references: Sequence[str],
) -> None:
    """Have the answers of several students marked at once, by those metrics that want marks."""
    for metric in metrics.values():
        if isinstance(metric, MarkingMetric):
            metric.mark(several, references)

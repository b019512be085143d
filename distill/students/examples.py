"""What a student is trained on, cut out of the one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from distill.table import REAL


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Questions with their answers.

    Args:
        questions: (examples,) texts.
        answers: (examples,) what the student is to say.
        real: (examples,) true where a human gave the answer.
        labels: (labels,) for `task=classify`, else empty.
        label_probs: (examples, labels) targets that sum to 1, or `None`; one-hot where a human
            gave the label.
        rationales: (examples,) the reasoning before the answer, `None` where it is not kept apart;
            empty where nobody asks.
        rejected: (examples,) an answer that the judge found worse, `None` where there is none;
            empty where nobody asks.
    """

    questions: tuple[str, ...]
    answers: tuple[str, ...]
    real: NDArray[np.bool_]
    labels: tuple[str, ...] = ()
    label_probs: NDArray[np.float64] | None = None
    rationales: tuple[str | None, ...] = ()
    rejected: tuple[str | None, ...] = ()

    def __len__(self) -> int:
        """Count the examples."""
        return len(self.questions)

    def where(self, mask: NDArray[np.bool_]) -> Examples:
        """Return the examples for which `mask`, (examples,), is true."""
        kept = np.flatnonzero(mask)
        return Examples(
            questions=tuple(self.questions[i] for i in kept),
            answers=tuple(self.answers[i] for i in kept),
            real=self.real[kept],
            labels=self.labels,
            label_probs=None if self.label_probs is None else self.label_probs[kept],
            rationales=tuple(self.rationales[i] for i in kept if self.rationales),
            rejected=tuple(self.rejected[i] for i in kept if self.rejected),
        )


def examples_of(rows: pl.DataFrame, labels: tuple[str, ...]) -> Examples:
    """Cut the examples out of the dataset's rows.

    Args:
        rows: Rows of the dataset; see `table.py`.
        labels: The task's labels, or empty for a task without labels.
    """
    return Examples(
        questions=tuple(rows["question"]),
        answers=tuple(rows["answer"]),
        real=(rows["source"] == REAL).to_numpy(),
        labels=labels,
        label_probs=_targets(rows, labels) if labels else None,
        rationales=_texts(rows, "rationale"),
        rejected=_texts(rows, "rejected_answer"),
    )


def _texts(rows: pl.DataFrame, column: str) -> tuple[str | None, ...]:
    """Return a column, or nothing where the table lacks it: not every run has a judge."""
    return tuple(rows[column]) if column in rows.columns else ()


def _targets(rows: pl.DataFrame, labels: tuple[str, ...]) -> NDArray[np.float64]:
    at: dict[Any, int] = {label: i for i, label in enumerate(labels)}
    targets = np.zeros((rows.height, len(labels)))
    cells = rows.select("answer", "label_probs").iter_rows()
    for i, (answer, probs) in enumerate(cells):
        if probs is not None:
            targets[i] = probs
        else:
            targets[i, at[answer]] = 1.0
    return targets

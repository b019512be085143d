"""The label, and nothing but the label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from distill.component import component
from distill.metrics.scores import item_scores, mean_score


@component
class Accuracy:
    """Share of answers that are the reference label, but for case and outer whitespace."""

    name: ClassVar[str] = "accuracy"

    def score(
        self, answers: Sequence[str | None], references: Sequence[str]
    ) -> npt.NDArray[np.float64]:
        """Return `(items,)`: 1 for the reference label, else 0."""
        return item_scores(same_label, answers, references)

    def summary(self, answers: Sequence[str | None], references: Sequence[str]) -> float:
        """Return the accuracy, in [0, 1]."""
        return mean_score(self.score(answers, references))


def same_label(answer: str, reference: str) -> bool:
    """Say whether two labels are equal but for case and outer whitespace."""
    return plain_label(answer) == plain_label(reference)


def plain_label(label: str) -> str:
    """Return `label` as it is compared: stripped and case-folded."""
    return label.strip().casefold()

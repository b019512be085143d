"""The final number of a worked answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from distill.component import component
from distill.metrics.numbers import same_number
from distill.metrics.scores import item_scores, mean_score


@component
class ExactNumber:
    """Share of answers whose final number equals the reference's exactly.

    See `distill.metrics.numbers` for which number is the final one.
    """

    name: ClassVar[str] = "exact_number"

    def score(
        self, answers: Sequence[str | None], references: Sequence[str]
    ) -> npt.NDArray[np.float64]:
        """Return `(items,)`: 1 for the same final number, else 0."""
        return item_scores(same_number, answers, references)

    def summary(self, answers: Sequence[str | None], references: Sequence[str]) -> float:
        """Return the share of answers with the same final number, in [0, 1]."""
        return mean_score(self.score(answers, references))

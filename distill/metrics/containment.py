"""Whether a free answer says the reference at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from distill.component import component
from distill.metrics.scores import item_scores, mean_score
from distill.metrics.squad import squad_tokens


@component
class Containment:
    """Share of answers in which the reference's words stand together and in order.

    Whole words after SQuAD's normalisation: "art" is not contained in "party".

    Note:
        It does not punish what else an answer says: naming every candidate, or denying the right
        one, scores 1. Read it beside `TokenF1`.
    """

    name: ClassVar[str] = "containment"

    def score(
        self, answers: Sequence[str | None], references: Sequence[str]
    ) -> npt.NDArray[np.float64]:
        """Return `(items,)`: 1 where the answer contains the reference, else 0."""
        return item_scores(contains, answers, references)

    def summary(self, answers: Sequence[str | None], references: Sequence[str]) -> float:
        """Return the share of answers that contain their reference, in [0, 1]."""
        return mean_score(self.score(answers, references))


def contains(answer: str, reference: str) -> bool:
    """Say whether the normalised reference stands in the normalised answer on word boundaries.

    A reference of which normalisation leaves nothing is contained only in an answer of which it
    leaves nothing either.
    """
    given, wanted = squad_tokens(answer), squad_tokens(reference)
    if not wanted:
        return not given
    return f" {' '.join(wanted)} " in f" {' '.join(given)} "

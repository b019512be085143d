"""Overlap of words between a free answer and its reference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from distill.component import component
from distill.metrics.scores import item_scores, mean_score
from distill.metrics.squad import squad_tokens


@component
class TokenF1:
    """Harmonic mean of the precision and the recall of an answer's words.

    Note:
        It punishes length: a right answer in a long sentence scores low where `Containment` gives
        it 1. Read both.

    Source: Rajpurkar et al. 2016, arXiv 1606.05250, section 6.1 (here with one reference an
    item); two texts without any word left score 1 when both are, as in SQuAD 2.0's script.
    """

    name: ClassVar[str] = "token_f1"

    def score(
        self, answers: Sequence[str | None], references: Sequence[str]
    ) -> npt.NDArray[np.float64]:
        """Return `(items,)` F1 scores, each in [0, 1]."""
        return item_scores(token_f1, answers, references)

    def summary(self, answers: Sequence[str | None], references: Sequence[str]) -> float:
        """Return the mean F1 score, in [0, 1]."""
        return mean_score(self.score(answers, references))


def token_f1(answer: str, reference: str) -> float:
    """Return the F1 score of one answer's normalised words as a multiset, in [0, 1]."""
    given, wanted = squad_tokens(answer), squad_tokens(reference)
    if not given or not wanted:
        return float(given == wanted)
    shared = (Counter(given) & Counter(wanted)).total()
    return 2 * shared / (len(given) + len(wanted))

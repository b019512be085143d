"""From a rule for one answer to the scores of all, and from scores to one figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt


def item_scores(
    rule: Callable[[str, str], float],
    answers: Sequence[str | None],
    references: Sequence[str],
) -> npt.NDArray[np.float64]:
    """Return `(items,)`: `rule(answer, reference)`, and 0 where there is no answer.

    Raises:
        ValueError: unequal lengths.
    """
    pairs = zip(answers, references, strict=True)
    scores = [
        0.0 if answer is None else float(rule(answer, reference)) for answer, reference in pairs
    ]
    return np.array(scores, dtype=np.float64)


def mean_score(scores: npt.NDArray[np.float64]) -> float:
    """Return the mean of `(items,)` scores.

    Raises:
        ValueError: no items: there is no such figure, and 0 would be taken for one.
    """
    if not scores.size:
        raise ValueError("scores: got no items, want 1 or more")
    return float(scores.mean())

"""Where the student is right: by slice of the held-out set and, for labels, by the true label.

Parts are read one by one, so each has its own interval and none is compared with another: the
difference of two parts that were looked for among many is mostly luck.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from distill.scored import interval
from distill.statistics import Interval

if TYPE_CHECKING:
    from distill.stages.evaluate import Evaluation

# At so many, the interval of a share is up to 34 pp wide; below, no reader should act on it.
FEW_ITEMS = 30


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of the held-out items.

    Args:
        name: Of the slice, or the label.
        student: The student's mean score on it, with its 95 % interval.
        baseline: The baseline's mean score on it, in [0, 1].
        few: Whether it has too few items to say anything.
    """

    name: str
    student: Interval
    baseline: float
    few: bool


def parts(evaluation: Evaluation, names: Sequence[str | None], *, seed: int) -> tuple[Part, ...]:
    """Return the student's headline score on each part, the largest first.

    Args:
        evaluation: Of the same items.
        names: (items,) the part that each belongs to; `None` belongs to none.
        seed: Of the intervals of scores that are not right or wrong.

    Returns:
        Empty where no item has a name.
    """
    given = np.array([name or "" for name in names], dtype=object)
    made = [
        _part(name, given == name, evaluation, seed) for name in dict.fromkeys(filter(None, names))
    ]
    return tuple(sorted(made, key=lambda part: (-part.student.n, part.name)))


def _part(name: str, here: NDArray[np.bool_], evaluation: Evaluation, seed: int) -> Part:
    student = evaluation.arms[evaluation.student].scores[here]
    clusters = None if evaluation.clusters is None else evaluation.clusters.where(here)
    return Part(
        name=name,
        student=interval(student, seed, clusters),
        baseline=float(evaluation.arms[evaluation.baseline].scores[here].mean()),
        few=len(student) < FEW_ITEMS,
    )

"""What humans say of the answers that a model has marked, and the score that comes of both.

A judge that has seen every answer is precise and biased; humans who have seen some are not biased
and less precise. Where some of the student's held-out answers bear a human's mark, the share of
right ones is corrected by them (`distill.calibrate.corrected`). The verdict stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distill.calibrate.agreement import Kappa
    from distill.calibrate.corrected import Accuracy
    from distill.metrics import AskingMetric, Metric
    from distill.stages.evaluate import Evaluation


@dataclass(frozen=True, kw_only=True)
class HumanMarks:
    """The delivered student's score beside what humans say.

    Args:
        labelled: Answers of the student that a human has marked, >= 0.
        kappa: How far judge and human agree on them; `None` where nothing can be said.
        accuracy: The share of right answers in three ways; `None` with fewer than two marks.
    """

    labelled: int
    kappa: Kappa | None = None
    accuracy: Accuracy | None = None


def read_marks(metrics: Mapping[str, Metric | AskingMetric]) -> pl.DataFrame | None:
    """Return the answers that humans have marked, or `None` where the headline names none.

    Raises:
        DataError: faults of the file, all at once.
        UserError: no row has a mark.
    """
    path = getattr(next(iter(metrics.values()), None), "human", None)
    if path is None:
        return None
    from distill.calibrate.labelled import read_labelled

    return read_labelled(path).frame.drop_nulls("human")


def human_marks(
    evaluation: Evaluation, marks: pl.DataFrame, heldout: pl.DataFrame, *, right_from: float
) -> HumanMarks:
    """Return the student's score, corrected by the marks of humans.

    Args:
        evaluation: Whose headline a model has marked.
        marks: Columns `question`, `answer` and `human`; those of other answers than the student's
            do not count.
        heldout: The items, in the order of the arms' answers.
        right_from: Human score from which an answer is right, in [0, 1].
    """
    from distill.calibrate.agreement import cohens_kappa
    from distill.calibrate.corrected import accuracy

    given = {
        (question, answer.strip()): human >= right_from
        for question, answer, human in marks.select("question", "answer", "human").iter_rows()
    }
    arm = evaluation.arms[evaluation.student]
    said = [
        given.get((question, (answer or "").strip()))
        for question, answer in zip(heldout["question"], arm.answers, strict=True)
    ]
    known = np.array([one is not None for one in said])
    right = np.array([one for one in said if one is not None], dtype=np.bool_)
    kept = arm.scores > 0
    if len(right) < 2:
        return HumanMarks(labelled=len(right))
    return HumanMarks(
        labelled=len(right),
        kappa=cohens_kappa(right, kept[known]),
        accuracy=accuracy(right, kept[known], kept[~known]),
    )

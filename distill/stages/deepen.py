"""What an evaluation says beyond its verdict; none of it ever changes the verdict."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from distill.stages.breakdown import parts
from distill.stages.evaluate import Evaluation
from distill.tasks import Classify, Task


def deepen(evaluation: Evaluation, heldout: pl.DataFrame, *, task: Task, seed: int) -> Evaluation:
    """Return the evaluation with the student's score by slice and, for labels, by true label.

    Args:
        evaluation: Of these items.
        heldout: Columns `reference` and `slice`, in the order of the arms' answers.
        task: Whether the references are labels.
        seed: Of every draw.
    """
    labels = heldout["reference"].to_list() if isinstance(task, Classify) else []
    return replace(
        evaluation,
        slices=parts(evaluation, heldout["slice"].to_list(), seed=seed),
        labels=parts(evaluation, labels, seed=seed),
    )

"""What an evaluation says beyond its verdict; none of it ever changes the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from distill.stages.breakdown import parts
from distill.stages.evaluate import Evaluation
from distill.stages.refit import Refit, learning_curve, reseed
from distill.tasks import Classify, Task


def break_down(
    evaluation: Evaluation, heldout: pl.DataFrame, *, task: Task, seed: int
) -> Evaluation:
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


def train_again(
    evaluation: Evaluation, refit: Refit, *, curve: Sequence[float], seeds: int
) -> Evaluation:
    """Return the evaluation with its learning curve and its spread over seeds.

    Args:
        evaluation: Of a student that can be trained again.
        refit: Trains it.
        curve: Shares of the distilled examples, in (0, 1]; none leaves the curve out.
        seeds: Times that the student is trained, >= 1; 1 leaves the spread out.
    """
    return replace(
        evaluation,
        curve=learning_curve(refit, evaluation, curve),
        reseeded=reseed(refit, evaluation, seeds),
    )

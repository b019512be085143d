"""Control arms that ask whether filters, judge and selection earned their keep.

Both train the run's own student on the dataset's real examples and on answers of the same teacher:
`unfiltered` on every answer that was paid for, whatever became of it; `random_same_size` on as many
of them as the dataset kept, drawn blindly. Kept rows that do not beat the first were not worth the
choosing; kept rows that do not beat the second were chosen no better than by lot.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from distill.clustered import Clusters
from distill.scored import compare
from distill.statistics import PairedTest
from distill.students import Examples
from distill.students.examples import examples_of
from distill.table import REAL, TEACHER, is_in
from distill.tasks import Classify, Task

if TYPE_CHECKING:
    from distill.stages.evaluate import Arm

UNFILTERED = "unfiltered"
RANDOM_SAME_SIZE = "random_same_size"


def control_examples(table: pl.DataFrame, *, task: Task, seed: int) -> dict[str, Examples]:
    """Return the training examples of each control, in the table's order.

    Args:
        table: The one table at the end of a run; rows that fell out are still there.
        task: Says which answers a student could learn.
        seed: Of the blind draw.

    Returns:
        By arm; empty where the dataset has none of the teacher's answers or all of them, because
        the controls would then be the student itself.
    """
    labels = task.labels if isinstance(task, Classify) else ()
    distilled = table.filter(is_in(), pl.col("source") == TEACHER).height
    answered = _answered(table, labels)
    if distilled in {0, len(answered)}:
        return {}
    drawn = np.random.default_rng(seed).choice(answered, size=distilled, replace=False)
    parts = {
        name: examples_of(_with_real(table, rows), labels)
        for name, rows in ((UNFILTERED, answered), (RANDOM_SAME_SIZE, drawn.tolist()))
    }
    return {name: part for name, part in parts.items() if not labels or len(set(part.answers)) > 1}


def _answered(table: pl.DataFrame, labels: tuple[str, ...]) -> list[str]:
    """Return the ids of the rows that the teacher answered with what a student could be told."""
    usable = pl.col("answer").is_in(labels) if labels else pl.col("answer").str.contains(r"\S")
    return table.filter(pl.col("source") == TEACHER, usable)["id"].to_list()


def _with_real(table: pl.DataFrame, ids: list[str]) -> pl.DataFrame:
    real = is_in() & (pl.col("source") == REAL)
    return table.filter(real | pl.col("id").is_in(ids))


def beside(
    arms: Mapping[str, Arm], student: str, seed: int, clusters: Clusters | None = None
) -> dict[str, PairedTest]:
    """Return the student, paired by item, against every other arm.

    Args:
        arms: All of them.
        student: The arm that the run delivers.
        seed: Of the resampling.
        clusters: Of the items, where some come from one source.
    """
    own = arms[student].scores
    return {
        name: compare(own, arm.scores, seed, clusters)
        for name, arm in arms.items()
        if name != student
    }

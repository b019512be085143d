"""Train the student on the dataset."""

from __future__ import annotations

import polars as pl

from distill.students import Examples, Student, Trained
from distill.students.examples import examples_of
from distill.table import is_in
from distill.tasks import Classify, Task


def dataset_examples(table: pl.DataFrame, task: Task) -> Examples:
    """Return the examples of the dataset, in its order."""
    labels = task.labels if isinstance(task, Classify) else ()
    return examples_of(table.filter(is_in()), labels)


def train(student: Student, examples: Examples, *, seed: int) -> Trained:
    """Train the student on everything that is in the dataset.

    Raises:
        TrainingError: the dataset is empty or cannot be learnt from.
    """
    return student.fit(examples, seed=seed)

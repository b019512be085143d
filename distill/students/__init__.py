"""Students: what is trained on the dataset. One class and one YAML each.

A student is fitted to examples and then answers questions; the same fit serves every arm of the
evaluation, so that arms differ in their examples and in nothing else.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from distill.students.classifier import Classifier
from distill.students.dpo import Dpo
from distill.students.endpoint import Endpoint
from distill.students.examples import Examples
from distill.students.saved import load
from distill.students.sft import Sft
from distill.students.soft_targets import SoftTargets
from distill.students.soft_targets_lm import SoftTargetsLm
from distill.students.spin import Spin
from distill.students.step_by_step import StepByStep
from distill.students.trained import Trained

__all__ = [
    "Classifier",
    "Dpo",
    "Endpoint",
    "Examples",
    "Sft",
    "SoftTargets",
    "SoftTargetsLm",
    "Spin",
    "StepByStep",
    "Student",
    "Trained",
    "Tuned",
    "load",
]


@runtime_checkable
class Student(Protocol):
    """A way to train."""

    @property
    def tasks(self) -> frozenset[str]:
        """The tasks that it can learn, by name."""

    def fit(self, examples: Examples, *, seed: int) -> Trained:
        """Train on `examples`.

        Args:
            examples: At least one.
            seed: Of every draw in training.

        Raises:
            TrainingError: the examples cannot be learnt from, such as a single label.
        """


@runtime_checkable
class Tuned(Student, Protocol):
    """A student that is tuned from a model which answers already, in minutes to hours."""

    @property
    def base_model(self) -> str:
        """The id of that model, as lineage knows it."""

    def ready(self) -> None:
        """See that it can be trained, before anything is spent.

        Raises:
            UserError: a package or the model is missing.
        """

    def untrained(self) -> Trained:
        """Return that model as it is, answering as the student does: its control."""

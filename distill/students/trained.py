"""A student after training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


class Trained(Protocol):
    """Something that answers questions."""

    def answer(self, questions: Sequence[str]) -> list[str]:
        """Return one answer a question, in their order."""

    def save(self, folder: Path) -> None:
        """Write everything that `distill.students.load` needs into `folder`, which exists."""


@runtime_checkable
class Weighs(Protocol):
    """A student that can say how likely an answer is to it."""

    def losses(self, questions: Sequence[str], answers: Sequence[str]) -> NDArray[np.float64]:
        """Return (questions,) mean cross-entropy of each answer's tokens, in nats."""

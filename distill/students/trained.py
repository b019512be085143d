"""A student after training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol


class Trained(Protocol):
    """Something that answers questions."""

    def answer(self, questions: Sequence[str]) -> list[str]:
        """Return one answer a question, in their order."""

    def save(self, folder: Path) -> None:
        """Write everything that `distill.students.load` needs into `folder`, which exists."""

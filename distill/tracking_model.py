"""How MLflow loads a student: the module that its `python_function` flavour names.

It stands outside `distill.tracking` because it travels with the model and must import nothing
that a student does not need.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

QUESTION = "question"
ANSWER = "answer"


class Answering(Protocol):
    """A trained student, as far as MLflow needs one."""

    def answer(self, questions: Sequence[str]) -> list[str]:
        """Return one answer a question, in their order."""


class StudentModel:
    """A student behind MLflow's `predict`.

    Args:
        student: Answers the questions.
    """

    def __init__(self, student: Answering) -> None:
        self._student = student

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> list[str]:
        """Return one answer a question, in their order.

        Args:
            model_input: A data frame with the column `question`, of texts or lists of texts.
            params: Not used; MLflow's interface has it.
        """
        # MLflow makes one row of {"question": [first, second]}.
        cells = [[cell] if isinstance(cell, str) else cell for cell in model_input[QUESTION]]
        return list(self._student.answer([str(text) for cell in cells for text in cell]))


def load_student(folder: Path) -> Answering:
    """Return the trained student in `folder`.

    Raises:
        UserError: the folder holds none.
    """
    from distill.students import load

    return load(folder)


def _load_pyfunc(data_path: str) -> StudentModel:
    """Return the model whose files MLflow has put at `data_path`; MLflow calls this by name."""
    return StudentModel(load_student(Path(data_path)))

"""Inputs that are numbers, written out in a question: `[0, 5.5, 13]`, or `0 5.5 13`.

A row of numbers stands where a text would stand, so that seeds, held-out rows, guards and reports
treat it as they treat any input.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from distill.errors import UserError, shown

RULE = "numbers, as in [0, 5.5, 13] or 0 5.5 13"


def read_row(question: str) -> list[float]:
    """Return the numbers of one question.

    Raises:
        ValueError: it holds none, or something else.
    """
    text = question.strip()
    cells = json.loads(text) if text.startswith("[") else text.replace(",", " ").split()
    row = [float(cell) for cell in cells if not isinstance(cell, bool)]
    if len(row) != len(cells) or not row or not all(map(math.isfinite, row)):
        raise ValueError(RULE)
    return row


def read_rows(
    questions: Sequence[str], *, width: int | None = None, where: str = "student"
) -> NDArray[np.float64]:
    """Return the numbers of all questions, (questions, features).

    Args:
        questions: At least one, unless `width` is given.
        width: How many numbers each must hold; `None` for as many as the first.
        where: Whose questions they are, for messages.

    Raises:
        UserError: one does not hold numbers, or not as many.
    """
    rows = []
    for at, question in enumerate(questions, 1):
        try:
            row = read_row(question)
        except (ValueError, TypeError, RecursionError) as error:
            raise UserError(
                f"{where}: question {at}: got {shown(question)}, want {RULE}.",
                hint="student.features=words reads questions as texts",
            ) from error
        width = width or len(row)
        if len(row) != width:
            raise UserError(
                f"{where}: question {at}: got {len(row)} numbers, want {width} as in the others."
            )
        rows.append(row)
    return np.array(rows, dtype=np.float64).reshape(len(rows), width or 0)

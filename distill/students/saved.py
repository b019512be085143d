"""Load a student from the folder that a run left."""

from __future__ import annotations

import json
from pathlib import Path

from distill.errors import UserError
from distill.students.classifier import ABOUT_FILE, load_classifier
from distill.students.lm.trained import KIND, load_language_model
from distill.students.trained import Trained


def load(folder: Path | str) -> Trained:
    """Return the trained student in `folder`.

    Raises:
        UserError: the folder holds none, or one of an unknown kind.
    """
    folder = Path(folder)
    try:
        about = json.loads((folder / ABOUT_FILE).read_text(encoding="utf-8"))
        kind, labels = about["kind"], about.get("labels")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{folder}: no trained student ({ABOUT_FILE} is missing or damaged).",
            hint="name the folder student/ of a run that trained a student",
        ) from error
    if kind == "classifier" and isinstance(labels, list):
        return load_classifier(
            folder,
            labels,
            reads="numbers" if about.get("reads") == "numbers" else "words",
            calibration=about.get("calibration"),
        )
    if kind == KIND:
        return load_language_model(folder, about)
    raise UserError(f"{folder}: a student of the unknown kind {kind!r}.")

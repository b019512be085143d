"""What a calibration leaves behind: three files in `paths.out`, and a run in the tracking store.

calibration.json    figures and sentences, see `as_json.py`
calibration.html    the same to look at
calibration.jsonl   every row of the labelled file with the judge's score and words
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from distill.calibrate.page import render
from distill.calibrate.result import Calibration
from distill.errors import UserError
from distill.paths import write_text

JSON, PAGE, ROWS = "calibration.json", "calibration.html", "calibration.jsonl"
# The columns as a labelled file has them, so that the rows can be calibrated on once more.
NAMES = {
    "reference": "reference_answer",
    "human": "human_score",
    "human_2": "human_score_2",
    "author": "model",
}


def leave(made: Calibration, told: Mapping[str, Any], folder: Path) -> tuple[Path, ...]:
    """Write the files; those of an earlier calibration are replaced.

    Args:
        made: What was found.
        told: The same as `to_json` tells it.
        folder: Made if it is missing.

    Raises:
        UserError: the folder cannot be written.
    """
    texts = {
        ROWS: _rows(made.rows),
        PAGE: render(made),
        JSON: json.dumps(told, ensure_ascii=False, indent=2, allow_nan=False) + "\n",
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            write_text(folder / name, text)
    except OSError as error:
        raise _unwritable(folder, str(error.strerror)) from error
    return tuple(folder / name for name in (JSON, PAGE, ROWS))


def check_writable(folder: Path) -> None:
    """See that the files can be written, before anything is paid for; nothing is made.

    Raises:
        UserError: they cannot.
    """
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        raise _unwritable(folder, f"{there} is no folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise _unwritable(folder, "permission denied")


def _unwritable(folder: Path, why: str) -> UserError:
    return UserError(f"paths.out: got {str(folder)!r}, want a folder that can be written ({why}).")


def _rows(rows: pl.DataFrame) -> str:
    lines = (
        json.dumps({NAMES.get(key, key): value for key, value in row.items()}, ensure_ascii=False)
        for row in rows.iter_rows(named=True)
    )
    return "".join(f"{line}\n" for line in lines)

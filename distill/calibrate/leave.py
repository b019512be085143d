"""What a calibration leaves behind: three files in `paths.out`, and a run in the tracking store.

calibration.json    figures and sentences, see `as_json.py`
calibration.html    the same to look at
calibration.jsonl   every row of the labelled file with the judge's score and words
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from distill.calibrate.calibration import Calibration
from distill.calibrate.page import render
from distill.errors import UserError
from distill.paths import write_text

JSON, PAGE, ROWS = "calibration.json", "calibration.html", "calibration.jsonl"
NAMES = {"human": "human_score", "human_2": "human_score_2", "author": "model"}


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
        raise UserError(
            f"paths.out: got {str(folder)!r}, want a folder that can be written "
            f"({error.strerror}); what was paid for is in the ledger."
        ) from error
    return tuple(folder / name for name in (JSON, PAGE, ROWS))


def _rows(rows: pl.DataFrame) -> str:
    lines = (
        json.dumps({NAMES.get(key, key): value for key, value in row.items()}, ensure_ascii=False)
        for row in rows.iter_rows(named=True)
    )
    return "".join(f"{line}\n" for line in lines)

"""Write what trainers elsewhere read, beside the dataset.

A dataset that a trainer would refuse is handed over all the same, with what is wrong with it: the
dataset is paid for, and a fault of one trainer's is none of the run's.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from distill.folder import HANDOVER
from distill.handovers import Dataset, FormError, Handover
from distill.paths import write_text
from distill.stages.export import write_lines

EMPTY = "the dataset is empty."


@dataclass(frozen=True, kw_only=True)
class HandedOver:
    """What one trainer was given.

    Args:
        files: SHA-256 by path below the run's folder.
        faults: What the trainer will refuse, a sentence each.
    """

    files: Mapping[str, str]
    faults: tuple[str, ...]


def hand_over(
    handovers: Mapping[str, Handover], dataset: Path, draft: Path, *, name: str
) -> dict[str, HandedOver]:
    """Write a folder for each trainer.

    Args:
        handovers: By name.
        dataset: `dataset.jsonl`.
        draft: The run's folder; the files go to `handover/<name>/` in it.
        name: What the dataset is called elsewhere; signs that are no letter or digit are replaced.
    """
    read = Dataset(path=dataset, name=re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-") or "dataset")
    return {key: _one(key, handover, read, draft) for key, handover in handovers.items()}


def _one(key: str, handover: Handover, dataset: Dataset, draft: Path) -> HandedOver:
    folder = draft / HANDOVER / key
    try:
        if next(dataset.examples(), None) is None:
            return HandedOver(files={}, faults=(EMPTY,))
        faults = tuple(handover.faults(dataset))
        folder.mkdir(parents=True)
        for name, content in handover.files(dataset).items():
            if isinstance(content, str):
                write_text(folder / name, content)
            else:
                write_lines(content, folder / name)
    except FormError as error:
        return HandedOver(files={}, faults=(str(error).replace("\n", " "),))
    written = sorted(path for path in folder.rglob("*") if path.is_file())
    return HandedOver(
        files={path.relative_to(draft).as_posix(): _sha256(path) for path in written},
        faults=faults,
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

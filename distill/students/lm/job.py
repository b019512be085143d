"""A training as a folder: what goes in, the checkpoints on the way, and what came out.

The folder's name is a digest of everything that shapes the weights. So the same training is found
again by any later run: finished, it costs nothing; cut short, it goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from distill.ledger import canonical_json
from distill.paths import write_text
from distill.students.lm.base import Base

Row = Mapping[str, Any]

JOB_FILE = "job.json"
DATA_FOLDER = "data"
RESULT_FOLDER = "result"
CHECKPOINTS = "checkpoints"
LOG_FILE = "log.txt"
LOCK_FILE = "lock"
FORMAT = 1
SHAPING = ("torch", "transformers", "trl", "peft")


@dataclass(frozen=True, kw_only=True)
class Job:
    """A training.

    Args:
        trainer: Module of `distill.students` with a function `train(work: Work) -> None`.
        base: What is tuned.
        settings: What shapes the weights, in JSON's types.
        seed: Of every draw.
        data: Rows in JSON's types by name; each becomes a file `data/NAME.jsonl`.
    """

    trainer: str
    base: Base
    settings: Mapping[str, Any]
    seed: int
    data: Mapping[str, Sequence[Row]]

    @property
    def sha256(self) -> str:
        """The identity of the weights that will come out, 64 hex digits."""
        digests = {name: _sha256(_lines(rows)) for name, rows in self.data.items()}
        shaping = {
            "format": FORMAT,
            "trainer": self.trainer,
            "base": self.base.sha256,
            "settings": dict(self.settings),
            "seed": self.seed,
            "data": digests,
            "versions": _versions(),
        }
        return _sha256(canonical_json(shaping))

    def folder(self, work: Path) -> Path:
        """Return where it is kept below `work`."""
        return work / f"{self.trainer.rpartition('.')[2]}-{self.sha256[:16]}"

    def write(self, work: Path) -> Path:
        """Write what goes in, unless it is there, and return the folder.

        Raises:
            OSError: it cannot be written.
        """
        folder = self.folder(work)
        if (folder / JOB_FILE).is_file():
            return folder
        (folder / DATA_FOLDER).mkdir(parents=True, exist_ok=True)
        for name, rows in self.data.items():
            write_text(folder / DATA_FOLDER / f"{name}.jsonl", _lines(rows))
        told = {
            "trainer": self.trainer,
            "base": {
                "name": self.base.name,
                "sha256": self.base.sha256,
                "source": str(self.base.source.resolve()),
            },
            "settings": dict(self.settings),
            "seed": self.seed,
            "versions": _versions(),
        }
        # The last one: a folder that has it is whole.
        write_text(folder / JOB_FILE, json.dumps(told, indent=2) + "\n")
        return folder


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A job as it was written.

    Args:
        folder: Where.
        trainer: See `Job`.
        base: See `Job`.
        settings: See `Job`.
        seed: See `Job`.
    """

    folder: Path
    trainer: str
    base: Base
    settings: Mapping[str, Any]
    seed: int

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of one of the job's files."""
        path = self.folder / DATA_FOLDER / f"{name}.jsonl"
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def read_job(folder: Path) -> Stored:
    """Read what `Job.write` wrote."""
    told = json.loads((folder / JOB_FILE).read_text(encoding="utf-8"))
    base = told["base"]
    return Stored(
        folder=folder,
        trainer=told["trainer"],
        base=Base(name=base["name"], sha256=base["sha256"], source=Path(base["source"])),
        settings=told["settings"],
        seed=told["seed"],
    )


def is_done(folder: Path) -> bool:
    """Say whether a job has its result: it gets its name when it is whole."""
    return (folder / RESULT_FOLDER).is_dir()


def forget(folder: Path) -> None:
    """Remove what a finished job needs no more."""
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)


def _lines(rows: Sequence[Row]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _versions() -> dict[str, str]:
    known = {}
    for name in SHAPING:
        try:
            known[name] = version(name)
        except PackageNotFoundError:
            continue
    return known

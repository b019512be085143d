"""The folder that a run leaves: drafted aside, published at the end, manifest last."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from distill.errors import UserError
from distill.processes import started

MANIFEST = "manifest.json"
# The manifest of the run that is being replaced; tells an interrupted publication from a stranger.
REPLACED = ".replaced-manifest.json"
# The report's charts, where there are any: their place in the folder by what they show.
FIGURES = {name: f"figures/{name}.png" for name in ("arms", "funnel", "scores", "diversity")}
# What trainers elsewhere are given, a folder each.
HANDOVER = "handover"
# In the student's folder: a language model as llama.cpp reads it, and what its server has to know.
GGUF_FILE = "model.gguf"
ABOUT_GGUF = "model.gguf.json"
# What a run leaves; only these are replaced when a run is repeated in the same folder.
RUN_FILES = (
    "dataset.jsonl",
    "rejected.jsonl",
    "review.jsonl",
    "abstain.jsonl",
    "examples.parquet",
    "responses.parquet",
    "canaries.parquet",
    "config.yaml",
    "README.md",
    "croissant.json",
    "report.html",
    *FIGURES.values(),
    "student",
    HANDOVER,
    MANIFEST,
)
# What a dataset is rebuilt from; the manifest has their digests.
DATA_FILES = ("rejected.jsonl", "examples.parquet", "responses.parquet", "config.yaml")
# What a human should look at, in runs that have such rows.
REVIEW = "review.jsonl"
# Answers in which the teacher says that it does not know, where a filter's policy is to keep them.
ABSTAIN = "abstain.jsonl"
# What guards leave of a run that they stopped: what each found, and the rows that they saw.
STOPPED = "stopped_by_guard"
FINDINGS, EXAMPLES = "findings.json", "examples.parquet"
# What `distill drift` compares with, in runs that have canaries; the manifest has its digest.
CANARIES = "canaries.parquet"


def file_digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of `DATA_FILES` and the canaries of a folder, 64 hex digits, by name."""
    digests = {}
    canaries = (CANARIES,) if (folder / CANARIES).exists() else ()
    for name in (*DATA_FILES, *canaries):
        with (folder / name).open("rb") as file:
            digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests


def clear_dead_drafts(out: Path) -> None:
    """Remove what runs that were killed left half done in a run's folder."""
    for draft in out.glob(".draft-*"):
        pid = draft.name.rpartition("-")[2]
        if pid == str(os.getpid()) or (pid.isdigit() and not started(int(pid))):
            shutil.rmtree(draft, ignore_errors=True)


def clear_stopped(out: Path) -> None:
    """Remove what a run that was stopped in this folder has left."""
    for name in (FINDINGS, EXAMPLES, REVIEW):
        (out / STOPPED / name).unlink(missing_ok=True)
    _forsake(out / STOPPED, out)


class RunFolder:
    """Drafts of a run's files; `publish` moves them to their places.

    A folder that holds `manifest.json` holds a whole run. Files that are not a run's own are left
    alone.

    Args:
        out: The run's folder; made if it is missing.

    Raises:
        UserError: the folder cannot be made or written, or holds files of somebody else under the
            names of a run's files.
    """

    def __init__(self, out: Path) -> None:
        self._out = out
        self._made: list[Path] = []
        self.draft = out / f".draft-{os.getpid()}"

    def __enter__(self) -> RunFolder:
        self._refuse_strangers()
        clear_dead_drafts(self._out)
        try:
            missing = [f for f in (self.draft, *self.draft.parents) if not f.exists()]
            self.draft.mkdir(parents=True)
        except OSError as error:
            raise UserError(
                f"paths.out: got {str(self._out)!r}, want a folder that can be written "
                f"({error.strerror})."
            ) from error
        self._made = missing
        return self

    def __exit__(self, *_error: object) -> None:
        shutil.rmtree(self.draft, ignore_errors=True)
        for folder in self._made:
            try:
                folder.rmdir()  # only what this run made, and only where nothing was left in it
            except OSError:
                continue

    def publish(self) -> None:
        """Put the drafts in the place of an earlier run's files, the manifest last."""
        if (self._out / MANIFEST).exists():
            (self._out / MANIFEST).replace(self._out / REPLACED)
        for name in RUN_FILES:
            new, old = self.draft / name, self._out / name
            if old.is_dir():
                shutil.rmtree(old)
            if new.exists():
                old.parent.mkdir(exist_ok=True)
                new.replace(old)
            else:
                old.unlink(missing_ok=True)
                _forsake(old.parent, self._out)
        (self._out / REPLACED).unlink(missing_ok=True)
        clear_stopped(self._out)

    def _refuse_strangers(self) -> None:
        own = (self._out / MANIFEST).exists() or (self._out / REPLACED).exists()
        strangers = [name for name in RUN_FILES if (self._out / name).exists()]
        if strangers and not own:
            raise UserError(
                f"paths.out: got {str(self._out)!r}, which holds {', '.join(strangers)} and no "
                "run; want a folder of its own for each run.",
                hint="choose another folder; nothing was changed",
            )
        for folder in {(self._out / name).parent for name in RUN_FILES} - {self._out}:
            if folder.exists() and not folder.is_dir():
                raise UserError(
                    f"paths.out: got {str(self._out)!r}, where {folder.name} is a file; want a "
                    "folder of its own for each run.",
                    hint="choose another folder; nothing was changed",
                )


def _forsake(folder: Path, out: Path) -> None:
    """Remove a folder of a run's that has nothing left in it."""
    if folder != out and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()

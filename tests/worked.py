"""Trainings of students in the test's own process, without the child that they usually have."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from distill.students.lm.base import identify
from distill.students.lm.job import Job, read_job
from distill.students.lm.settings import TunedSettings
from distill.students.lm.worker import Work

Rows = Mapping[str, Sequence[Mapping[str, Any]]]


def work_of(
    trainer: str, student: TunedSettings, rows: Rows, draft: Path, *, seed: int = 3
) -> Work:
    """Write the job and return what its trainer is given."""
    base = identify(student.base)
    job = Job(trainer=trainer, base=base, settings=student.shaping(), seed=seed, data=rows)
    draft.mkdir(parents=True)
    stored = read_job(job.write(Path(student.work)))
    return Work(stored, base.source, draft, lambda _: None, threading.Event())


def worked(
    trainer: str, student: TunedSettings, rows: Rows, draft: Path, *, stop_at: int | None = None
) -> Work:
    """Train; with `stop_at`, tell it to stop after as many steps."""
    work = work_of(trainer, student, rows, draft)
    said: list[dict[str, Any]] = []

    def hear(word: dict[str, Any]) -> None:
        said.append(word)
        if word.get("done") == stop_at:
            work.stopping.set()

    work._tell = hear
    importlib.import_module(trainer).train(work)
    work.figures["said"] = said
    return work


def weights(draft: Path) -> bytes:
    """Return the adapter's bytes."""
    return (draft / "adapter_model.safetensors").read_bytes()

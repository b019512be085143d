"""From checkpoint to checkpoint: a training that is stopped, killed, and goes on.

The library writes a checkpoint's files one after the other and takes the newest folder for whole;
where the process was killed in between, it fails there ever after. So each checkpoint gets a mark
once all of it is on the disk, and only a marked one counts.
"""

from __future__ import annotations

import math
import os
import shutil
from pathlib import Path
from typing import Any

from distill.paths import write_text
from distill.students.classifier import TrainingError
from distill.students.lm.worker import Stopped, Work

# Written into a checkpoint last: one without it was cut while it was written.
WHOLE_FILE = "whole"


def run_trainer(trainer: Any, work: Work) -> None:
    """Train from the newest whole checkpoint, or from the start.

    Raises:
        Stopped: it was told to stop, and has written a checkpoint.
    """
    trainer.add_callback(_reporter(work))
    newest = _newest_whole(work.checkpoints)
    if newest is not None:
        work.figures["resumed_from_step"] = int(newest.name.rpartition("-")[2])
    trainer.train(resume_from_checkpoint=None if newest is None else str(newest))
    if work.stopping.is_set() and trainer.state.global_step < trainer.state.max_steps:
        raise Stopped


def _reporter(work: Work) -> Any:
    from transformers import TrainerCallback

    class Reporter(TrainerCallback):  # type: ignore[misc]
        """Tells the parent how far it is, and stops where it is told to."""

        loss = ""

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if "loss" in (logs or {}):
                if not math.isfinite(logs["loss"]):
                    raise TrainingError(
                        f"student: the loss is no number any more at step {state.global_step}.",
                        hint="a lower student.learning_rate, or precision=float32",
                    )
                self.loss = f"loss {logs['loss']:.3f}"

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            work.at(state.global_step, state.max_steps, self.loss)
            if work.stopping.is_set():
                control.should_save = control.should_training_stop = True

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            folder = work.checkpoints / f"checkpoint-{state.global_step}"
            # A second adapter lies in a folder of its own.
            for file in (path for path in folder.rglob("*") if path.is_file()):
                with file.open("rb") as written:
                    os.fsync(written.fileno())
            write_text(folder / WHOLE_FILE, "")

    return Reporter()


def _newest_whole(checkpoints: Path) -> Path | None:
    """Return the newest checkpoint that was written to its end; the others are removed."""
    whole = []
    for folder in checkpoints.glob("checkpoint-*"):
        if (folder / WHOLE_FILE).is_file():
            whole.append(folder)
        else:
            shutil.rmtree(folder)
    return max(whole, key=lambda folder: int(folder.name.rpartition("-")[2]), default=None)

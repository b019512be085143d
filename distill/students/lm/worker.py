"""The child's side of a training: one job, told over stdin and stdout.

A line of JSON on stdin names the job's folder; `stop`, or the end of stdin, asks for a checkpoint
and an end. Each line on stdout is an object: `{"done", "total", "note"}`, `{"say"}` or
`{"error", "hint", "user"}`. Whatever libraries print goes to stderr, which is the job's log.
"""

from __future__ import annotations

import fcntl
import importlib
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from distill.errors import DistillError, UserError
from distill.paths import write_text
from distill.students.lm.base import EMBEDDED, OFFLINE, bases_folder, resolve
from distill.students.lm.child import STOP_S, STOPPED, WORKER
from distill.students.lm.job import (
    CHECKPOINTS,
    LOCK_FILE,
    RESULT_FOLDER,
    Stored,
    forget,
    is_done,
    read_job,
)

FIGURES_FILE = "training.json"
ALLOWED = "distill.students."
GIGA = 1e9
LOOK_S = 0.2
LESS = (
    "smaller student.micro_batch_size or student.max_tokens, or student.gradient_checkpointing=true"
)
# Of a process that ended itself because its memory passed the limit.
TOO_MUCH = 71


class Stopped(Exception):  # noqa: N818
    """The training was told to stop and has written its checkpoint."""


class Work:
    """What a trainer is given.

    Args:
        job: What is to be done.
        base: Folder of the model that is tuned.
        draft: Empty folder for the result.
        tell: Takes one object for the parent.
        stopping: Set when the training is to stop at the next checkpoint.

    Attributes:
        figures: What `training.json` will hold; the trainer adds its own.
    """

    def __init__(
        self,
        job: Stored,
        base: Path,
        draft: Path,
        tell: Callable[[dict[str, Any]], None],
        stopping: threading.Event,
    ) -> None:
        self.job = job
        self.base = base
        self.draft = draft
        self.stopping = stopping
        self.figures: dict[str, Any] = {}
        self._tell = tell

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.job.folder / CHECKPOINTS

    def at(self, done: int, total: int, note: str = "") -> None:
        """Say how many steps of how many are done."""
        self._tell({"done": done, "total": total, "note": note})

    def say(self, text: str) -> None:
        """Say something that stays on the screen."""
        self._tell({"say": text})


def main() -> int:
    """Do the job that stdin names and return the exit status."""
    voice = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what libraries print belongs into the log

    def tell(word: dict[str, Any]) -> None:
        with suppress(BrokenPipeError):  # the parent is gone; the end of stdin says so too
            voice.write(json.dumps(word) + "\n")

    settings = json.loads(sys.stdin.readline())
    folder = Path(settings["folder"])
    stopping = threading.Event()
    threading.Thread(target=_listen, args=(stopping,), daemon=True).start()
    if settings["max_memory_gb"] is not None:
        limit = (settings["max_memory_gb"], tell)
        threading.Thread(target=_watch_memory, args=limit, daemon=True).start()
    try:
        with (folder / LOCK_FILE).open("w") as lock:
            take_turn(lock, tell)
            if not is_done(folder):
                _do(folder, tell, stopping)
    except Stopped:
        return STOPPED
    except DistillError as error:
        user = isinstance(error, UserError)
        tell({"error": error.args[0], "hint": error.hint, "user": user})
        return error.exit_status
    except RuntimeError as error:
        if "out of memory" not in str(error):
            raise
        tell({"error": "student: the device ran out of memory.", "hint": LESS, "user": False})
        return 1
    return 0


def _do(folder: Path, tell: Callable[[dict[str, Any]], None], stopping: threading.Event) -> None:
    """Train into a draft, which becomes the result when it is whole."""
    job = read_job(folder)
    if not job.trainer.startswith(ALLOWED):
        raise UserError(f"student: {job.trainer} is no trainer.")
    if job.base.name == EMBEDDED or Path(job.base.name).expanduser().is_dir():
        os.environ.update(dict.fromkeys(OFFLINE, "1"))
    started = time.monotonic()
    base = resolve(job.base, bases_folder(folder.parent))
    draft = folder / f".{RESULT_FOLDER}.part"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    if stopping.is_set():
        raise Stopped
    work = Work(job, base, draft, tell, stopping)
    trainer: Any = importlib.import_module(job.trainer)
    trainer.train(work)
    work.figures |= {
        "peak_memory_gb": _peak_gb(),
        "seconds": round(time.monotonic() - started, 1),
        "cpu_seconds": round(time.process_time(), 1),
    }
    write_text(draft / FIGURES_FILE, json.dumps(work.figures, indent=2) + "\n")
    draft.rename(folder / RESULT_FOLDER)
    forget(folder)


def take_turn(lock: IO[str], tell: Callable[[dict[str, Any]], None]) -> None:
    """Lock a job's file, and wait where another process does the same training."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        tell({"say": "student: another run trains the same; waiting for it"})
        fcntl.flock(lock, fcntl.LOCK_EX)


def _listen(stopping: threading.Event) -> None:
    """Set `stopping` at the first line or at the end of stdin, and end where that is not heard."""
    sys.stdin.readline()
    stopping.set()
    time.sleep(STOP_S)
    os._exit(STOPPED)


def _watch_memory(max_gb: float, tell: Callable[[dict[str, Any]], None]) -> None:
    """End this process when it holds more memory than it may."""
    import psutil

    own = psutil.Process()
    while True:
        held = own.memory_info().rss / GIGA
        if held > max_gb:
            sentence = f"student.max_memory_gb: training held {held:.1f} GB, want {max_gb:g}."
            tell({"error": sentence, "hint": f"{LESS}; or a higher limit", "user": True})
            os._exit(TOO_MUCH)
        time.sleep(LOOK_S)


def _peak_gb() -> float | None:
    """Return the most memory that this process has held, in 10^9 bytes; `None` off Linux."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) * 1024 / GIGA, 2)
    return None


if __name__ == "__main__":
    # By its name: trainers raise that module's `Stopped`, which is not this one's.
    raise SystemExit(importlib.import_module(WORKER).main())

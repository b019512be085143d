"""A training in a child process, from start to certain end.

A process of its own, because a training takes gigabytes that are not given back, and must not take
the run along where memory ends. What goes in lies in the job's folder; the child says on its
stdout how far it is. It stops at a checkpoint when it is told so or when this process is gone, and
goes on from there when the same training is asked for again.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.errors import UserError
from distill.processes import spawn
from distill.students.classifier import TrainingError
from distill.students.lm.job import LOG_FILE, RESULT_FOLDER, Job, is_done

WORKER = "distill.students.lm.worker"
ROLE = "training"
SHOWN_LINES = 8
# For the checkpoint on the way out.
STOP_S = 60.0
# The worker's exit status where it stopped at a checkpoint because it was told to.
STOPPED = 75


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a training may take.

    Args:
        max_memory_gb: Resident memory, in 10^9 bytes, or `None`.
        max_seconds: Time, or `None`.
    """

    max_memory_gb: float | None
    max_seconds: float | None


def run_job(job: Job, *, work: Path, limits: Limits) -> Path:
    """Train, or find that it has been done, and return the folder of the result.

    Args:
        job: What is trained.
        work: Folder of all trainings; made if it is missing.
        limits: Of this call; a training that was cut goes on in the next one.

    Raises:
        TrainingError: nothing can be learnt, a limit was passed, or the process died.
        UserError: the user can mend it.
        KeyboardInterrupt: the child has stopped at a checkpoint.
    """
    try:
        folder = job.write(work)
    except OSError as error:
        raise UserError(
            f"student.work: got {str(work)!r}, want a folder that can be written "
            f"({error.strerror})."
        ) from error
    if not is_done(folder):
        with (folder / LOG_FILE).open("ab") as log:
            child = spawn(WORKER, log)
            try:
                _follow(child, folder, limits)
            finally:
                _end(child)
    return folder / RESULT_FOLDER


def _follow(child: subprocess.Popen[bytes], folder: Path, limits: Limits) -> None:
    """Show the child's progress until it ends, and see that it ended well."""
    settings = {"folder": str(folder.resolve()), "max_memory_gb": limits.max_memory_gb}
    _send(child, json.dumps(settings))
    from rich.console import Console

    from distill.progress import Progress

    progress = Progress(Console(stderr=True))
    done, total, told = 0, 0, None
    deadline = None if limits.max_seconds is None else time.monotonic() + limits.max_seconds
    try:
        with progress.steps(ROLE) as show:
            for word in _words(child, deadline):
                if "say" in word:
                    progress.tell(word["say"])
                elif "error" in word:
                    told = word
                else:
                    done, total = word["done"], word["total"]
                    show(done, total, word["note"])
    except KeyboardInterrupt:
        _send(child, "stop")
        _wait(child)
        raise
    except TimeoutError:
        _send(child, "stop")
        _wait(child)
        raise TrainingError(
            f"student.max_seconds: {done} of {total or '?'} steps were done after "
            f"{limits.max_seconds:g} s.",
            hint="run it again: training goes on from its checkpoint; or raise "
            "student.max_seconds, null for no limit",
        ) from None
    status = child.wait()
    if told is not None:
        raise _error(told)
    if status or not is_done(folder):
        raise _died(status, folder, f"{done} of {total or '?'} steps were done")


def _error(told: Mapping[str, Any]) -> Exception:
    kind = UserError if told["user"] else TrainingError
    return kind(told["error"], hint=told["hint"])


def _died(status: int, folder: Path, how_far: str) -> TrainingError:
    """Say how the child ended."""
    if status == -signal.SIGKILL:
        return TrainingError(
            f"student: the training's process was killed; {how_far}.",
            hint="where memory ran out: smaller student.micro_batch_size or student.max_tokens; "
            "run again, it goes on from its last checkpoint",
        )
    if status == STOPPED:
        return TrainingError(f"student: the training was stopped; {how_far}.", hint="run it again")
    log = folder / LOG_FILE
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    lines = [line for line in text.splitlines() if line.strip()][-SHOWN_LINES:]
    tail = "".join(f"\n  | {line}" for line in lines)
    return TrainingError(
        f"student: the training's process ended with status {status}; {how_far}.{tail}",
        hint=f"its log is {log}",
    )


def _send(child: subprocess.Popen[bytes], line: str) -> None:
    if child.stdin is not None:
        with suppress(BrokenPipeError, ValueError):  # it has ended, and its status says how
            child.stdin.write(line.encode() + b"\n")


def _words(child: subprocess.Popen[bytes], deadline: float | None) -> Iterator[dict[str, Any]]:
    """Yield what the child says until its pipe ends.

    Raises:
        TimeoutError: the deadline has passed.
    """
    if child.stdout is None:
        raise RuntimeError("the child was started without pipes")
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            left = None if deadline is None else deadline - time.monotonic()
            if (left is not None and left <= 0) or not selector.select(left):
                raise TimeoutError
            read = os.read(child.stdout.fileno(), 65536)
            if not read:
                return
            *lines, rest = (rest + read).split(b"\n")
            for line in lines:
                yield json.loads(line)


def _wait(child: subprocess.Popen[bytes]) -> None:
    """Let the child write its checkpoint; a second Ctrl-C does not wait for that."""
    with suppress(subprocess.TimeoutExpired):
        child.wait(STOP_S)


def _end(child: subprocess.Popen[bytes]) -> None:
    """See that the child is gone."""
    if child.poll() is None:
        child.kill()
        child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()

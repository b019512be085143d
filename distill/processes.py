"""Child processes of this package, and telling a process from an earlier one of the same number."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

# States of a process that runs no more: a zombie, and one that is being removed.
DEAD = "ZX"


def started(pid: int) -> str:
    """Return when a process started; "" if there is none, or only what its parent has not read.

    That is its start in clock ticks since boot, the 22nd field of /proc/PID/stat (proc(5)); where
    there is no /proc, every living process looks the same.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        fields = stat.rpartition(")")[2].split()
        return "" if fields[0] in DEAD else fields[19]
    except OSError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except OSError:
        pass
    return "running"


def spawn(module: str, log: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start a module of this package as a process of its own, with pipes to and from it.

    Args:
        module: Dotted name.
        log: Takes what it writes to its stderr.
    """
    environment = dict(os.environ)
    root = Path(__file__).resolve().parents[1]
    if root.name not in ("site-packages", "dist-packages"):  # a source tree that is not installed
        known = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = f"{root}{os.pathsep}{known}" if known else str(root)
    return subprocess.Popen(  # noqa: S603
        # -P: a file in the working directory cannot stand in for a module.
        [sys.executable, "-P", "-m", module],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env=environment,
        # Ctrl-C is for this process, which tells the child to end.
        start_new_session=True,
    )

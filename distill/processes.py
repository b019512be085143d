"""Telling a process from an earlier one with the same number."""

from __future__ import annotations

import os
from pathlib import Path

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

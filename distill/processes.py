"""Telling a process from an earlier one with the same number."""

from __future__ import annotations

import os
from pathlib import Path


def started(pid: int) -> str:
    """Return when a process started; "" if there is none.

    That is its start in clock ticks since boot, the 22nd field of /proc/PID/stat (proc(5)); where
    there is no /proc, every living process looks the same.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return stat.rpartition(")")[2].split()[19]
    except OSError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except OSError:
        pass
    return "running"

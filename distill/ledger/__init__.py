"""The ledger: every model response, paid once and kept for good.

The ledger is shared by teacher and judge, by all runs and sweeps, and by several processes at once:
who pays for a response claims it first, and the others wait for it. `put` returns when the
response is durable, not before.

SQLite runs in WAL mode with `synchronous=FULL` by default: a response that was acknowledged
survives a killed process and a power cut. `synchronous=NORMAL` is faster and may lose the last
moments at a power cut, never at a killed process.
"""

from __future__ import annotations

from distill.ledger.address import is_sqlite_path
from distill.ledger.claims import Claims
from distill.ledger.entry import (
    Entry,
    canonical_json,
    now_utc,
    response_key,
    storable_json,
)
from distill.ledger.store import Ledger

__all__ = [
    "Claims",
    "Entry",
    "Ledger",
    "canonical_json",
    "is_sqlite_path",
    "now_utc",
    "response_key",
    "storable_json",
]

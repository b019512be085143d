"""The ledger: every model response, paid once and kept for good.

The ledger is shared by teacher and judge, by all runs and sweeps, and by several processes at once:
who pays for a response claims it first, and the others wait for it. `put` returns when the
response is durable, not before.

SQLite runs in WAL mode with `synchronous=FULL` by default: a response that was acknowledged
survives a killed process and a power cut. `synchronous=NORMAL` is faster and may lose the last
moments at a power cut, never at a killed process. PostgreSQL keeps to its own settings; a server
that is restarted is waited for.

entry.py       one response and its key
tables.py      tables and their version
database.py    connections, transactions, errors in sentences
address.py     paths and URLs, and URLs without their passwords
patience.py    waiting for a server that is away
store.py       responses by key
claims.py      who pays for what; claimants.py reads it
batches.py     batches under way
flow.py        commits and claims from inside an event loop
contents.py    figures, vacuum
transfer.py    out into files and back
explain.py     why a run misses: asked.py what it asks, nearest.py and parts.py what is near
told.py        what the commands print
"""

from __future__ import annotations

from distill.ledger.address import is_sqlite_path
from distill.ledger.claims import Claims
from distill.ledger.entry import (
    Entry,
    canonical_json,
    entry_digest,
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
    "entry_digest",
    "is_sqlite_path",
    "now_utc",
    "response_key",
    "storable_json",
]

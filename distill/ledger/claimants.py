"""Who holds claims right now, as their owners' names say."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass

import sqlalchemy as sa

from distill.ledger.claims import EXPIRES_AT, LEASED
from distill.ledger.tables import CLAIMS, LEASES
from distill.processes import started


@dataclass(frozen=True, kw_only=True)
class Claimant:
    """One run's calls to one model, and what they hold.

    Args:
        owner: The whole name.
        host: The machine.
        pid: The process there; `None` where the name does not say.
        claims: Responses that it is paying for.
        lapses_in_s: Seconds until the last of them lapses, negative where it has.
        live: Whether its process can still be at work: not lapsed, and not known to be gone.
    """

    owner: str
    host: str
    pid: int | None
    claims: int
    lapses_in_s: float
    live: bool


def claimants(connection: sa.Connection) -> list[Claimant]:
    """Return all who hold claims, those with the most first."""
    held = (
        sa.select(CLAIMS.c.owner, sa.func.count(CLAIMS.c.key), sa.func.max(EXPIRES_AT))
        .select_from(LEASED)
        .group_by(CLAIMS.c.owner)
    )
    now = time.time()
    found = [
        _claimant(owner, count, until - now) for owner, count, until in connection.execute(held)
    ]
    return sorted(found, key=lambda claimant: (-claimant.claims, claimant.owner))


def drop_lapsed(connection: sa.Connection) -> int:
    """Drop the claims that nobody can be paying for any more; return how many there were."""
    gone = [claimant.owner for claimant in claimants(connection) if not claimant.live]
    dropped = connection.execute(sa.delete(CLAIMS).where(CLAIMS.c.owner.in_(gone))).rowcount
    held = sa.select(CLAIMS.c.owner).where(CLAIMS.c.owner == LEASES.c.owner).exists()
    # One that runs may be about to claim.
    over = LEASES.c.expires_at < time.time()
    connection.execute(sa.delete(LEASES).where(over, ~held))
    return dropped


def _claimant(owner: str, count: int, lapses_in_s: float) -> Claimant:
    """Read an owner's name: `host:pid:start:token`, as `Claims` makes it."""
    parts = owner.rsplit(":", 3)
    known = len(parts) == 4 and parts[1].isascii() and parts[1].isdigit()
    host, pid = (parts[0], int(parts[1])) if known else (owner, None)
    is_gone = pid is not None and host == socket.gethostname() and started(pid) != parts[2]
    return Claimant(
        owner=owner,
        host=host,
        pid=pid,
        claims=count,
        lapses_in_s=lapses_in_s,
        live=lapses_in_s > 0 and not is_gone,
    )

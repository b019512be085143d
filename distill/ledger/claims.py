"""Claims: several processes on one ledger pay for a response once.

A claim is a row with its owner, and an owner has one lease for all its claims: a batch may have
100,000 of them for a day, and what is renewed every few seconds is one row. Claims lapse with their
owner's lease; a claim whose owner is a process of this machine that is gone lapses at once, so that
a run that was killed holds nobody up.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from distill.ledger.database import CLAIMS, RESPONSES, insert_or_keep, transact
from distill.ledger.tables import LEASES
from distill.processes import started

KEYS_AT_ONCE = 500
# A claim from before there were leases has a time of its own.
EXPIRES_AT = sa.func.coalesce(LEASES.c.expires_at, CLAIMS.c.expires_at)
LEASED = CLAIMS.outerjoin(LEASES, LEASES.c.owner == CLAIMS.c.owner)


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """What became of keys that were claimed.

    Args:
        granted: Ours to pay for.
        answered: Paid for by somebody in the meantime: read them.
        busy: Being paid for by somebody else: ask again later.
    """

    granted: frozenset[str]
    answered: frozenset[str]
    busy: frozenset[str]


class Claims:
    """One claimant: a run's calls to one model.

    Args:
        engine: The ledger's database, tables made.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._insert = insert_or_keep(CLAIMS, engine.dialect.name)
        self._insert_lease = insert_or_keep(LEASES, engine.dialect.name)
        pid = os.getpid()
        self.owner = f"{socket.gethostname()}:{pid}:{started(pid)}:{secrets.token_hex(8)}"

    def claim(self, keys: Sequence[str], *, lease_s: float) -> Claimed:
        """Claim `keys`.

        Args:
            keys: At most `KEYS_AT_ONCE`.
            lease_s: After so many seconds another claimant may take over.
        """
        now = time.time()
        # In one order for all claimants, so that two of them cannot wait for each other.
        rows = [
            {"key": key, "owner": self.owner, "expires_at": now + lease_s} for key in sorted(keys)
        ]
        ours = CLAIMS.c.owner == self.owner

        def work(connection: sa.Connection) -> tuple[frozenset[str], set[str]]:
            # Writing first takes SQLite's write lock at once; reading first could not upgrade.
            connection.execute(self._insert, rows)
            self._extend(connection, now + lease_s)
            answered = frozenset(
                connection.execute(
                    sa.select(RESPONSES.c.key).where(RESPONSES.c.key.in_(keys))
                ).scalars()
            )
            if answered:
                connection.execute(sa.delete(CLAIMS).where(CLAIMS.c.key.in_(answered), ours))
            held = connection.execute(
                sa.select(CLAIMS.c.key, CLAIMS.c.owner, EXPIRES_AT)
                .select_from(LEASED)
                .where(CLAIMS.c.key.in_(keys))
            ).all()
            granted = {key for key, owner, _ in held if owner == self.owner}
            for key, owner, expires_at in held:
                if owner != self.owner and (expires_at < now or _is_dead(owner)):
                    taken = (
                        sa.update(CLAIMS)
                        .where(CLAIMS.c.key == key, CLAIMS.c.owner == owner)
                        .values(owner=self.owner, expires_at=now + lease_s)
                    )
                    if connection.execute(taken).rowcount:
                        granted.add(key)
            return answered, granted

        answered, granted = transact(self._engine, work)
        return Claimed(
            granted=frozenset(granted),
            answered=answered,
            busy=frozenset(keys) - granted - answered,
        )

    def renew(self, *, lease_s: float) -> None:
        """Hold everything that this claimant holds for `lease_s` more seconds."""
        until = time.time() + lease_s
        transact(self._engine, lambda connection: self._extend(connection, until))

    def release(self, keys: Sequence[str] | None = None) -> None:
        """Give up claims on `keys`, or on everything that this claimant holds."""
        gone = sa.delete(CLAIMS).where(CLAIMS.c.owner == self.owner)
        if keys is not None:
            gone = gone.where(CLAIMS.c.key.in_(keys))

        def work(connection: sa.Connection) -> None:
            connection.execute(gone)
            if keys is None:
                connection.execute(sa.delete(LEASES).where(LEASES.c.owner == self.owner))

        transact(self._engine, work)

    def _extend(self, connection: sa.Connection, until: float) -> None:
        """Let the lease run until a time, in seconds since the epoch."""
        later = sa.update(LEASES).where(LEASES.c.owner == self.owner).values(expires_at=until)
        if not connection.execute(later).rowcount:
            connection.execute(self._insert_lease, [{"owner": self.owner, "expires_at": until}])


def _is_dead(owner: str) -> bool:
    """Say whether `owner` was a process of this machine and is gone."""
    host, pid, start, _ = owner.rsplit(":", 3)
    return host == socket.gethostname() and started(int(pid)) != start

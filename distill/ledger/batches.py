"""Batches that are under way: written down before they are sent, so that a crash loses none.

A batch's rows go when its results are in the ledger. Until then they hold everything that its
results need to be kept, whichever run comes back for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import sqlalchemy as sa

from distill.ledger.database import transact
from distill.ledger.entry import now_utc

AT_ONCE = 500
# The same in all releases: who makes the tables in PostgreSQL holds this lock.
SETUP_LOCK = 7146217

_metadata = sa.MetaData()
BATCHES = sa.Table(
    "batches",
    _metadata,
    sa.Column("token", sa.String(32), primary_key=True),
    sa.Column("batch_id", sa.Text),
    sa.Column("namespace", sa.Text, nullable=False),
    sa.Column("created_at", sa.Text, nullable=False),
    sa.Column("is_closed", sa.Boolean, nullable=False),
)
ITEMS = sa.Table(
    "batch_items",
    _metadata,
    sa.Column("token", sa.String(32), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("key", sa.String(64), nullable=False, index=True),
    sa.Column("sample", sa.BigInteger, nullable=False),
    sa.Column("request", sa.Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One request of a batch.

    Args:
        key: The response's key in the ledger.
        request: Canonical JSON of what is sent for it.
        sample: Sample index, from 0.
    """

    key: str
    request: str
    sample: int


@dataclass(frozen=True)
class OpenBatch:
    """A batch whose results are not in the ledger yet.

    Args:
        token: Our own name for it; part of every item's id on the wire.
        batch_id: The provider's; `None` where the process died before it heard it.
        created_at: When it was written down, UTC, ISO 8601.
        items: In the order in which they were sent.
    """

    token: str
    batch_id: str | None
    created_at: str
    items: tuple[BatchItem, ...]


class BatchBook:
    """All batches of a ledger.

    Args:
        engine: The ledger's database; the tables are made where they are missing.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

        def make(connection: sa.Connection) -> None:
            if engine.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(SETUP_LOCK)))
            for table in (BATCHES, ITEMS):
                connection.execute(sa.schema.CreateTable(table, if_not_exists=True))
            for index in ITEMS.indexes:
                connection.execute(sa.schema.CreateIndex(index, if_not_exists=True))

        transact(engine, make)

    def intend(self, token: str, items: Sequence[BatchItem], *, namespace: str) -> OpenBatch:
        """Write down what is about to be sent."""
        created_at = now_utc()
        row = {
            "token": token,
            "batch_id": None,
            "namespace": namespace,
            "created_at": created_at,
            "is_closed": False,
        }
        rows = [
            {"token": token, "number": number, "key": item.key, "sample": item.sample,
             "request": item.request}
            for number, item in enumerate(items)
        ]  # fmt: skip

        def work(connection: sa.Connection) -> None:
            connection.execute(sa.insert(BATCHES), [row])
            connection.execute(sa.insert(ITEMS), rows)

        transact(self._engine, work)
        return OpenBatch(token, None, created_at, tuple(items))

    def submitted(self, token: str, batch_id: str) -> None:
        """Write down the provider's id."""
        change = sa.update(BATCHES).where(BATCHES.c.token == token).values(batch_id=batch_id)
        transact(self._engine, lambda connection: connection.execute(change))

    def close(self, token: str) -> None:
        """Forget the items of a batch: its results are in the ledger, or it was never sent."""

        def work(connection: sa.Connection) -> None:
            connection.execute(sa.delete(ITEMS).where(ITEMS.c.token == token))
            closed = sa.update(BATCHES).where(BATCHES.c.token == token)
            connection.execute(closed.values(is_closed=True))

        transact(self._engine, work)

    def holding(self, keys: Iterable[str]) -> list[OpenBatch]:
        """Return the open batches that have any of these keys, the oldest first."""
        tokens: dict[str, None] = {}
        wanted = iter(keys)
        while some := list(islice(wanted, AT_ONCE)):
            found = sa.select(ITEMS.c.token).where(ITEMS.c.key.in_(some)).distinct()
            rows = transact(self._engine, lambda c, found=found: c.execute(found).scalars().all())  # type: ignore[misc]
            tokens.update(dict.fromkeys(rows))
        return sorted((self._read(token) for token in tokens), key=lambda batch: batch.created_at)

    def known_ids(self) -> set[str]:
        """Return the provider's ids of all batches that were ever sent from here."""
        found = sa.select(BATCHES.c.batch_id).where(BATCHES.c.batch_id.is_not(None))
        return set(transact(self._engine, lambda connection: connection.execute(found).scalars()))

    def _read(self, token: str) -> OpenBatch:
        about = sa.select(BATCHES.c.batch_id, BATCHES.c.created_at).where(BATCHES.c.token == token)
        listed = (
            sa.select(ITEMS.c.key, ITEMS.c.request, ITEMS.c.sample)
            .where(ITEMS.c.token == token)
            .order_by(ITEMS.c.number)
        )

        def work(connection: sa.Connection) -> OpenBatch:
            batch_id, created_at = connection.execute(about).one()
            items = tuple(BatchItem(*row) for row in connection.execute(listed))
            return OpenBatch(token, batch_id, created_at, items)

        return transact(self._engine, work)

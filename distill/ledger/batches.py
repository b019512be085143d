"""Batches that are under way: written down before they are sent, so that a crash loses none.

An item goes when its response is in the ledger or will never come, and a batch is closed with its
last one. Until then they hold everything that the results need to be kept, whichever run comes back
for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa

from distill.ledger.database import transact
from distill.ledger.entry import now_utc
from distill.ledger.tables import BATCH_ITEMS, BATCHES

AT_ONCE = 500
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One request of a batch.

    Args:
        key: The response's key in the ledger.
        request: Canonical JSON that the key was made from.
        sample: Sample index, from 0.
    """

    key: str
    request: str
    sample: int


@dataclass(frozen=True, kw_only=True)
class OpenBatch:
    """A batch whose results are not all in the ledger yet.

    Args:
        token: Our own name for it; part of every item's id on the wire.
        batch_id: The provider's; `None` where nobody heard it, though it may have been sent.
        created_at: When it was written down, UTC, ISO 8601.
        keys: Of the responses that are still expected, by the item's number in the batch, from 0.
    """

    token: str
    batch_id: str | None
    created_at: str
    keys: Mapping[int, str]


@dataclass(frozen=True, kw_only=True)
class UnderWay:
    """An open batch in figures.

    Args:
        batch_id: The provider's; `None` where nobody heard it, though it may have been sent.
        namespace: The endpoint's.
        created_at: When it was written down, UTC, ISO 8601.
        expected: Responses that it is still to bring.
    """

    batch_id: str | None
    namespace: str
    created_at: str
    expected: int


def under_way(connection: sa.Connection) -> list[UnderWay]:
    """Return all open batches, the oldest first."""
    about = (BATCHES.c.batch_id, BATCHES.c.namespace, BATCHES.c.created_at)
    found = (
        sa.select(*about, sa.func.count(BATCH_ITEMS.c.number))
        .join(BATCH_ITEMS, BATCH_ITEMS.c.token == BATCHES.c.token)
        .group_by(BATCHES.c.token, *about)
        .order_by(BATCHES.c.created_at, BATCHES.c.token)
    )
    return [
        UnderWay(batch_id=batch_id, namespace=namespace, created_at=created_at, expected=count)
        for batch_id, namespace, created_at, count in connection.execute(found)
    ]


class BatchBook:
    """All batches of a ledger.

    Args:
        engine: The ledger's database, tables made.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def intend(
        self, token: str, keys: Sequence[str], item: Callable[[str], BatchItem], *, namespace: str
    ) -> str:
        """Write down what is about to be sent; return the time of it, UTC, ISO 8601.

        Args:
            token: Our own name for it.
            keys: In the order of the batch.
            item: Makes the item of a key: all requests of a batch at once may be a quarter of a
                gigabyte.
            namespace: The endpoint's.
        """
        created_at = now_utc()
        row = {
            "token": token,
            "batch_id": None,
            "namespace": namespace,
            "created_at": created_at,
            "is_closed": False,
        }

        def work(connection: sa.Connection) -> None:
            connection.execute(sa.insert(BATCHES), [row])
            for some in _some(enumerate(keys)):
                rows = [_row(token, number, item(key)) for number, key in some]
                connection.execute(sa.insert(BATCH_ITEMS), rows)

        transact(self._engine, work)
        return created_at

    def submitted(self, token: str, batch_id: str) -> None:
        """Write down the provider's id."""
        change = sa.update(BATCHES).where(BATCHES.c.token == token).values(batch_id=batch_id)
        transact(self._engine, lambda connection: connection.execute(change))

    def close(self, token: str, numbers: Iterable[int] | None = None) -> None:
        """Expect these items of a batch no longer, or none of them.

        Args:
            token: Our own name for it.
            numbers: Of the items; `None` for all.
        """
        gone = sa.delete(BATCH_ITEMS).where(BATCH_ITEMS.c.token == token)
        left = sa.select(BATCH_ITEMS.c.number).where(BATCH_ITEMS.c.token == token).limit(1)
        closed = sa.update(BATCHES).where(BATCHES.c.token == token).values(is_closed=True)
        listed = None if numbers is None else sorted(numbers)

        def work(connection: sa.Connection) -> None:
            if listed is None:
                connection.execute(gone)
            for some in _some(listed or ()):
                connection.execute(gone.where(BATCH_ITEMS.c.number.in_(some)))
            if connection.execute(left).first() is None:
                connection.execute(closed)

        transact(self._engine, work)

    def holding(self, keys: Iterable[str]) -> list[OpenBatch]:
        """Return the open batches that have any of these keys, the oldest first."""
        tokens: dict[str, None] = {}
        if self._is_empty():
            return []
        for some in _some(keys):
            found = sa.select(BATCH_ITEMS.c.token).where(BATCH_ITEMS.c.key.in_(some)).distinct()
            tokens.update(dict.fromkeys(self._read(found)))
        batches = (self._open(token) for token in tokens)
        return sorted(batches, key=lambda batch: batch.created_at)

    def expected(self, keys: Iterable[str]) -> set[str]:
        """Return the keys of which open batches will bring the response."""
        if self._is_empty():
            return set()
        held: set[str] = set()
        for some in _some(keys):
            held.update(self._read(sa.select(BATCH_ITEMS.c.key).where(BATCH_ITEMS.c.key.in_(some))))
        return held

    def items(self, token: str, numbers: Iterable[int]) -> Iterator[tuple[int, BatchItem]]:
        """Yield items of a batch by their numbers, a few at a time."""
        columns = (BATCH_ITEMS.c[name] for name in ("number", "key", "request", "sample"))
        listed = sa.select(*columns).where(BATCH_ITEMS.c.token == token)
        for some in _some(numbers):
            wanted = listed.where(BATCH_ITEMS.c.number.in_(some))
            for number, key, request, sample in transact(self._engine, partial(_fetch, wanted)):
                yield number, BatchItem(key, request, sample)

    def known_ids(self) -> set[str]:
        """Return the provider's ids of all batches that were ever sent from here."""
        return set(self._read(sa.select(BATCHES.c.batch_id).where(BATCHES.c.batch_id.is_not(None))))

    def _is_empty(self) -> bool:
        return not self._read(sa.select(BATCH_ITEMS.c.token).limit(1))

    def _open(self, token: str) -> OpenBatch:
        about = sa.select(BATCHES.c.batch_id, BATCHES.c.created_at).where(BATCHES.c.token == token)
        listed = sa.select(BATCH_ITEMS.c.number, BATCH_ITEMS.c.key).where(
            BATCH_ITEMS.c.token == token
        )

        def work(connection: sa.Connection) -> OpenBatch:
            batch_id, created_at = connection.execute(about).one()
            keys = {row.number: row.key for row in connection.execute(listed)}
            return OpenBatch(token=token, batch_id=batch_id, created_at=created_at, keys=keys)

        return transact(self._engine, work)

    def _read(self, statement: Any) -> Sequence[str]:
        def work(connection: sa.Connection) -> Sequence[str]:
            return connection.execute(statement).scalars().all()

        return transact(self._engine, work)


def _fetch(statement: Any, connection: sa.Connection) -> Sequence[Any]:
    return connection.execute(statement).all()


def _row(token: str, number: int, item: BatchItem) -> dict[str, object]:
    return {
        "token": token,
        "number": number,
        "key": item.key,
        "sample": item.sample,
        "request": item.request,
    }


def _some(all_of_them: Iterable[T]) -> Iterator[list[T]]:
    """Yield a few at a time: databases bound the parameters of a statement."""
    left = iter(all_of_them)
    while some := list(islice(left, AT_ONCE)):
        yield some

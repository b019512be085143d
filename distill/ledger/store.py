"""Responses by key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import islice

import sqlalchemy as sa

from distill.ledger.claims import Claims
from distill.ledger.database import CLAIMS, RESPONSES, insert_or_keep, open_database, told
from distill.ledger.entry import Entry

KEYS_A_QUERY = 500


class Ledger:
    """Responses by key, in any database that SQLAlchemy reaches.

    Args:
        url: A SQLAlchemy URL, or a path that is taken for a SQLite file.
        synchronous: SQLite's setting, `FULL` or `NORMAL`; other databases ignore it.

    Raises:
        ConfigError: the URL cannot be read.
        LedgerError: the database cannot be opened.
    """

    def __init__(self, url: str, *, synchronous: str = "FULL") -> None:
        self._engine = open_database(url, synchronous)
        self._insert = insert_or_keep(RESPONSES, self._engine.dialect.name)

    def get_many(self, keys: Iterable[str]) -> Iterator[Entry]:
        """Yield the entries that exist, in no particular order."""
        with told(), self._engine.connect() as connection:
            wanted = iter(keys)
            while some := list(islice(wanted, KEYS_A_QUERY)):
                found = sa.select(RESPONSES).where(RESPONSES.c.key.in_(some))
                for row in connection.execute(found):
                    yield Entry(**row._mapping)

    def served(self, keys: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield key and served model of the entries that exist: enough to count them."""
        with told(), self._engine.connect() as connection:
            wanted = iter(keys)
            while some := list(islice(wanted, KEYS_A_QUERY)):
                found = sa.select(RESPONSES.c.key, RESPONSES.c.served_model)
                rows = connection.execute(found.where(RESPONSES.c.key.in_(some)))
                yield from (tuple(row) for row in rows)

    def put(self, entries: Sequence[Entry]) -> None:
        """Store `entries` durably in one transaction and give up the claims on them.

        A key that exists keeps its first response.

        Raises:
            LedgerError: nothing of `entries` was stored.
        """
        with told(), self._engine.begin() as connection:
            connection.execute(self._insert, [asdict(entry) for entry in entries])
            paid = [entry.key for entry in entries]
            connection.execute(sa.delete(CLAIMS).where(CLAIMS.c.key.in_(paid)))

    def claims(self) -> Claims:
        """Return a new claimant on responses that are to be paid for."""
        return Claims(self._engine)

    def count(self) -> int:
        """Count the responses."""
        with told(), self._engine.connect() as connection:
            return int(connection.execute(sa.select(sa.func.count(RESPONSES.c.key))).scalar_one())

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

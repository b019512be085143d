"""Responses by key.

The statements that a run repeats for every response are compiled once, as text for the driver, and
entries are handed over by the names of their fields: through SQLAlchemy's own expressions each
response would cost several times the processor time that SQLite takes for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from functools import partial
from itertools import islice
from typing import Any

import sqlalchemy as sa

from distill.ledger.claims import Claims
from distill.ledger.database import (
    CLAIMS,
    RESPONSES,
    insert_or_keep,
    open_database,
    told,
    transact,
)
from distill.ledger.entry import Entry

KEYS_A_QUERY = 500
NAMES = tuple(field.name for field in fields(Entry))
# Texts that a provider chooses; PostgreSQL has no NUL in a text.
FOREIGN_TEXTS = ("served_model", "request_id")


class Ledger:
    """Responses by key, in any database that SQLAlchemy reaches.

    Args:
        url: A SQLAlchemy URL of SQLite or PostgreSQL, or a path that is taken for a SQLite file.
        synchronous: SQLite's setting, `FULL` or `NORMAL`; PostgreSQL has its own.

    Raises:
        ConfigError: the URL cannot be read.
        LedgerError: the database cannot be opened.
    """

    def __init__(self, url: str, *, synchronous: str = "FULL") -> None:
        self.url = url
        self._engine = open_database(url, synchronous)
        self._is_sqlite = self._engine.dialect.name == "sqlite"
        insert = insert_or_keep(RESPONSES, self._engine.dialect.name)
        paid = sa.delete(CLAIMS).where(CLAIMS.c.key == sa.bindparam("key"))
        self._insert = self._text(insert)
        self._delete_claim = self._text(paid)
        wanted = _key_is_one_of(self._is_sqlite)
        self._get = sa.select(*RESPONSES.columns).where(wanted)
        self._get_served = sa.select(RESPONSES.c.key, RESPONSES.c.served_model).where(wanted)
        self._get_bodies = sa.select(RESPONSES.c.key, RESPONSES.c.body).where(wanted)

    def get_many(self, keys: Iterable[str]) -> Iterator[Entry]:
        """Yield the entries that exist, in no particular order."""
        for row in self._found(self._get, keys):
            yield Entry(**dict(zip(NAMES, row, strict=True)))

    def served(self, keys: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield key and served model of the entries that exist: enough to count them."""
        yield from self._found(self._get_served, keys)

    def bodies(self, keys: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield key and raw body of the entries that exist."""
        yield from self._found(self._get_bodies, keys)

    def put(self, entries: Sequence[Entry]) -> int:
        """Store `entries` durably in one transaction and give up the claims on them.

        A key that exists keeps its first response.

        Returns:
            How many keys were new.

        Raises:
            LedgerError: nothing of `entries` was stored.
        """
        if not entries:
            return 0
        # Two that lock the same rows in another order would wait for each other.
        rows = sorted(map(_row, entries), key=lambda row: row["key"])

        def work(connection: sa.Connection) -> int:
            stored = connection.exec_driver_sql(self._insert, rows).rowcount
            connection.exec_driver_sql(self._delete_claim, [{"key": row["key"]} for row in rows])
            return stored

        return transact(self._engine, work)

    def entries(self, *, model: str | None = None, since: str | None = None) -> Iterator[Entry]:
        """Yield all entries in the order of their keys, a few at a time.

        Args:
            model: Only those of this model, asked for or served.
            since: Only those from this time on, in the form of `created_at`.
        """
        wanted = sa.select(*RESPONSES.columns).order_by(RESPONSES.c.key)
        if model is not None:
            wanted = wanted.where(
                sa.or_(RESPONSES.c.model == model, RESPONSES.c.served_model == model)
            )
        if since is not None:
            wanted = wanted.where(RESPONSES.c.created_at >= since)
        for row in self._streamed(wanted):
            yield Entry(**dict(zip(NAMES, row, strict=True)))

    def requests(self) -> Iterator[tuple[str, str, str, int, str, str]]:
        """Yield key, provider, namespace, sample, request and time of all entries, in any order."""
        names = ("key", "provider", "namespace", "sample", "request", "created_at")
        for row in self._streamed(sa.select(*(RESPONSES.c[name] for name in names))):
            yield tuple(row)

    @property
    def engine(self) -> sa.Engine:
        """The database, for what looks at the whole of it."""
        return self._engine

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

    def _text(self, statement: Any) -> str:
        return str(statement.compile(dialect=self._engine.dialect))

    def _streamed(self, statement: Any) -> Iterator[Any]:
        with told(), self._engine.connect() as connection:
            yield from connection.execution_options(yield_per=KEYS_A_QUERY).execute(statement)

    def _found(self, statement: Any, keys: Iterable[str]) -> Iterator[Any]:
        wanted = iter(keys)
        while some := list(islice(wanted, KEYS_A_QUERY)):
            asked = {"keys": json.dumps(some) if self._is_sqlite else some}
            yield from transact(self._engine, partial(_fetch, statement, asked))


def _fetch(statement: Any, asked: dict[str, Any], connection: sa.Connection) -> Sequence[Any]:
    return connection.execute(statement, asked).fetchall()


def _key_is_one_of(is_sqlite: bool) -> Any:
    """Return the condition that a key is among `keys`: one statement for any number of them."""
    if is_sqlite:
        keys = sa.func.json_each(sa.bindparam("keys", type_=sa.Text)).table_valued("value")
        return RESPONSES.c.key.in_(sa.select(keys.c.value))
    from sqlalchemy.dialects.postgresql import ARRAY

    return RESPONSES.c.key == sa.any_(sa.bindparam("keys", type_=ARRAY(sa.Text)))


def _row(entry: Entry) -> dict[str, Any]:
    row = vars(entry)
    if any("\0" in row[name] for name in FOREIGN_TEXTS):
        return row | {name: row[name].replace("\0", "\ufffd") for name in FOREIGN_TEXTS}
    return row

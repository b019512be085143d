"""A ledger that is looked into and never written to; one that does not exist is empty."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa

from distill.ledger import Entry, Ledger
from distill.ledger.address import sqlite_file, without_password
from distill.ledger.database import RESPONSES, engine_of, told
from distill.ledger.tables import BATCH_ITEMS
from distill.models.protocol import Model

KEYS_A_QUERY = 500
BUSY_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Held:
    """What is known of a stored response without reading its body.

    Args:
        served_model: The id that was served.
        input_tokens: Tokens of the request.
        output_tokens: Tokens of the response.
    """

    served_model: str
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Seen:
    """One earlier request of a model, with what it came to.

    Args:
        request: Canonical JSON of the body that was sent.
        input_tokens: Its tokens.
        output_tokens: Tokens of the response.
    """

    request: str
    input_tokens: int
    output_tokens: int


class StoredResponses(Ledger):
    """The responses of a ledger, for reading only.

    Args:
        url: A SQLAlchemy URL, or a path that is taken for a SQLite file.

    Raises:
        ConfigError: the URL cannot be read.
        LedgerError: the database is there and cannot be read.
    """

    def __init__(self, url: str) -> None:  # not the parent's: that one makes what is missing
        self._where = without_password(url)
        self._open = _opened(url)
        with told(self._where, url):
            if self._open is not None and not sa.inspect(self._open).has_table(RESPONSES.name):
                self.close()

    def get_many(self, keys: Iterable[str]) -> Iterator[Entry]:
        """Yield the entries that exist, in no particular order."""
        for row in self._rows(RESPONSES.columns, keys):
            yield Entry(**row._mapping)

    def served(self, keys: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield key and served model of the entries that exist."""
        for row in self._rows([RESPONSES.c.key, RESPONSES.c.served_model], keys):
            yield tuple(row)

    def bodies(self, keys: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield key and raw body of the entries that exist."""
        for row in self._rows([RESPONSES.c.key, RESPONSES.c.body], keys):
            yield tuple(row)

    def held(self, keys: Iterable[str]) -> Iterator[tuple[str, Held]]:
        """Yield each key that exists with what is known of its response."""
        names = ("key", "served_model", "input_tokens", "output_tokens")
        for row in self._rows([RESPONSES.c[name] for name in names], keys):
            about = row._mapping
            yield about["key"], Held(**{name: about[name] for name in names[1:]})

    def expected(self, keys: Iterable[str]) -> set[str]:
        """Return the keys of which batches that are under way will bring the response."""
        if self._open is None:
            return set()
        with told(self._where):
            # A ledger of an earlier version has no batches, and is not written to.
            if not sa.inspect(self._open).has_table(BATCH_ITEMS.name):
                return set()
        return {row.key for row in self._rows([BATCH_ITEMS.c.key], keys)}

    def some_of(self, model: Model, limit: int) -> list[Seen]:
        """Return earlier requests of a model, `limit` at most.

        Keys are digests: the first ones in their order are a random sample, and always the same.
        """
        if self._open is None:
            return []
        about = {
            "provider": model.provider,
            "namespace": model.namespace,
            "model": model.model,
        }
        asked = (
            sa.select(RESPONSES.c.request, RESPONSES.c.input_tokens, RESPONSES.c.output_tokens)
            .where(*(RESPONSES.c[name] == value for name, value in about.items()))
            .order_by(RESPONSES.c.key)
            .limit(limit)
        )
        with told(self._where), self._open.connect() as connection:
            return [Seen(*row) for row in connection.execute(asked)]

    def close(self) -> None:
        """Close all connections."""
        if self._open is not None:
            self._open.dispose()
        self._open = None

    def __enter__(self) -> Self:
        return self

    def _rows(
        self, columns: Iterable[sa.Column[Any]], keys: Iterable[str]
    ) -> Iterator[sa.Row[Any]]:
        if self._open is None:
            return
        columns = list(columns)
        key = columns[0].table.c.key
        found, wanted = sa.select(*columns), iter(keys)
        with told(self._where), self._open.connect() as connection:
            while some := list(islice(wanted, KEYS_A_QUERY)):
                yield from connection.execute(found.where(key.in_(some)))


def _opened(url: str) -> sa.Engine | None:
    """Return the database; `None` for a file that does not exist."""
    path = sqlite_file(url)
    if path is None:
        return engine_of(url, "FULL")
    if not path.is_file():
        return None
    return sa.create_engine("sqlite://", creator=lambda: _read_only(path), poolclass=sa.NullPool)


def _read_only(path: Path) -> sqlite3.Connection:
    """Connect to a file that exists.

    Readers of a file in WAL mode keep an index beside it for as long as they read, which
    the last one takes away; where the folder cannot be written, one must do without.
    """
    mode = "mode=rw"
    if not os.access(path.parent, os.W_OK):
        has_log = path.with_name(f"{path.name}-wal").exists()
        mode = "mode=ro" if has_log else "immutable=1"
    address = f"{path.absolute().as_uri()}?{mode}"
    connection = sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_S)
    connection.execute("PRAGMA query_only=ON")
    return connection

"""The database behind the ledger: SQLite or PostgreSQL through SQLAlchemy, errors in sentences.

Tables are made by the first who opens the ledger. Who may read and write but not create can use a
ledger that is there.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from distill.errors import ConfigError, Fault, LedgerError
from distill.ledger.address import address_of, is_sqlite_path, scrub, without_password
from distill.ledger.patience import wait_for_server
from distill.ledger.tables import CLAIMS, RESPONSES, SCHEMA, SCHEMA_VERSION, TABLES

__all__ = [
    "CLAIMS",
    "RESPONSES",
    "engine_of",
    "insert_or_keep",
    "is_sqlite_path",
    "open_database",
    "told",
    "transact",
]

T = TypeVar("T")
BUSY_TIMEOUT_S = 60
WAL_PAUSE_S = 0.01
CONNECT_TIMEOUT_S = 10
SUPPORTED = frozenset({"sqlite", "postgresql"})
# Any number, the same in all releases: who makes the tables in PostgreSQL holds this lock.
SETUP_LOCK = 7146216
# Deadlock, and two transactions that cannot both have come first: PostgreSQL asks to try again.
TRY_AGAIN = frozenset({"40P01", "40001"})
TRIES = 5


def open_database(url: str, synchronous: str) -> sa.Engine:
    """Connect and make the tables that are missing.

    Raises:
        ConfigError: the URL cannot be read, or names a database that is not supported.
        LedgerError: the database cannot be opened, or holds something else than a ledger that this
            release knows.
    """
    where = without_password(url)
    if is_sqlite_path(url):
        with told(where):
            Path(url).parent.mkdir(parents=True, exist_ok=True)
    engine = engine_of(url, synchronous)
    try:
        with told(where, url):
            _set_up(engine, where)
    except BaseException:
        engine.dispose()
        raise
    return engine


def engine_of(url: str, synchronous: str) -> sa.Engine:
    """Return the database that a URL names, as it is; a server is waited for.

    Raises:
        ConfigError: the URL cannot be read, or names a database that is not supported.
        LedgerError: the server does not answer.
    """
    try:
        address = address_of(url)
        if address.get_backend_name() not in SUPPORTED:
            hint = "SQLite takes a path, such as outputs/ledger.db; PostgreSQL postgresql://…"
            raise ConfigError([_unusable(url, hint=hint)])
        if address.get_backend_name() == "sqlite":
            # Entries are handed to the driver as they are, by the names of their fields.
            engine = sa.create_engine(address, paramstyle="named")
            sa.event.listen(engine, "connect", _sqlite_settings(synchronous))
            return engine
        given = {"connect_timeout": CONNECT_TIMEOUT_S, "application_name": "distill"}
        chosen = {key: value for key, value in given.items() if key not in address.query}
        engine = sa.create_engine(address, pool_pre_ping=True, connect_args=chosen)
    except ModuleNotFoundError as error:
        fault = _unusable(url, str(error), "pip install 'distill[postgres]'")
        raise ConfigError([fault]) from None
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, TypeError, ValueError) as error:
        raise ConfigError([_unusable(url, hint=scrub(str(error), url))]) from None
    wait_for_server(engine)
    return engine


def _unusable(url: str, got: str = "", hint: str | None = None) -> Fault:
    want = "a path or a SQLAlchemy URL of SQLite or PostgreSQL"
    return Fault("ledger.url", want, got or without_password(url), hint)


def _sqlite_settings(synchronous: str) -> Any:
    def apply(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_S * 1000}")
        _use_wal(cursor)
        cursor.execute(f"PRAGMA synchronous={synchronous}")
        cursor.close()

    return apply


def _use_wal(cursor: sqlite3.Cursor) -> None:
    """Turn write-ahead logging on; of several that make a new ledger at once, one does.

    SQLite tells the others at once that the file is busy, whatever its timeout.
    """
    ends_at = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > ends_at:
                raise
            time.sleep(WAL_PAUSE_S)
        else:
            return


def _set_up(engine: sa.Engine, where: str) -> None:
    """See that the tables are ours and of a shape that this release knows; make what is missing."""
    found = sa.inspect(engine)
    names = set(found.get_table_names())
    for table in TABLES:
        if table.name in names:
            columns = {column["name"] for column in found.get_columns(table.name)}
            missing = [column.name for column in table.columns if column.name not in columns]
            if missing:
                raise LedgerError(
                    f"ledger: {where} holds a table {table.name} without {missing[0]}: it is no "
                    "ledger, and nothing was changed.",
                    hint="choose another file or database: ledger.url=…",
                )
    with engine.begin() as connection:
        version = None
        if SCHEMA.name in names:
            version = connection.execute(sa.select(sa.func.max(SCHEMA.c.version))).scalar()
        if version is not None and version > SCHEMA_VERSION:
            raise LedgerError(
                f"ledger: {where} was made by a newer distill (tables of version {version}, this "
                f"one knows {SCHEMA_VERSION}); nothing was changed.",
                hint="pip install --upgrade distill, or choose another ledger: ledger.url=…",
            )
        is_whole = {table.name for table in TABLES} <= names
        if version is None or version < SCHEMA_VERSION or not is_whole:
            _make_tables(connection, engine.dialect.name)


def _make_tables(connection: sa.Connection, dialect: str) -> None:
    if dialect == "postgresql":
        # Several may open a new ledger at once; IF NOT EXISTS alone does not keep them apart.
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(SETUP_LOCK)))
    for table in (*TABLES, SCHEMA):
        connection.execute(sa.schema.CreateTable(table, if_not_exists=True))
        for index in table.indexes:
            connection.execute(sa.schema.CreateIndex(index, if_not_exists=True))
    connection.execute(insert_or_keep(SCHEMA, dialect), [{"version": SCHEMA_VERSION}])


def insert_or_keep(table: sa.Table, dialect: str) -> Any:
    """Return an insert that leaves a row with the same primary key as it is."""
    # Imported by name: each brings a lot with it, and a process uses one of them.
    made = import_module(f"sqlalchemy.dialects.{dialect}").insert
    return made(table).on_conflict_do_nothing()


def transact(engine: sa.Engine, work: Callable[[sa.Connection], T]) -> T:
    """Do `work` in one transaction, once more where the connection was lost on the way.

    Args:
        engine: The ledger's database.
        work: May be done twice without harm.

    Raises:
        LedgerError: nothing of it was done.
    """
    with told():
        for tried in range(1, TRIES + 1):
            try:
                with engine.begin() as connection:
                    return work(connection)
            except sa.exc.DBAPIError as error:
                state = getattr(error.orig, "sqlstate", None)
                if tried == TRIES or not (error.connection_invalidated or state in TRY_AGAIN):
                    raise
    raise AssertionError("the last try returns or raises")


DAMAGED = (
    "the file is damaged and was left as it is: put a copy in its place, or save what can be read "
    "with the sqlite3 tool's .recover; `distill ledger import` reads the responses.parquet of runs"
)
# What stands in a database's own words, and what helps.
HINTS = (
    ("not a database", "the file is something else; choose another: ledger.url=…"),
    ("malformed", DAMAGED),
    ("not decode to UTF-8", DAMAGED),
    ("readonly", "the file or its folder cannot be written by this user"),
    ("unable to open", "see that the folder is there and can be written by this user"),
    ("locked", "another process has been writing for a long time; run again when it is done"),
    (
        "permission denied",
        "whoever owns the database can open the ledger once, or grant the rights",
    ),
    ("connection", "see that the server runs, and that address, user and password are right"),
    ("full", "make room on the disk, then run again: what was paid for is kept"),
)
OTHER_HINT = (
    "see that the disk has room and the file or server can be written, then run again: what was "
    "paid for is kept"
)


@contextmanager
def told(where: str = "the ledger", url: str = "") -> Iterator[None]:
    """Turn a database error into one sentence, without SQL and without secrets.

    Args:
        where: What the sentence calls the ledger.
        url: Whose password, where it is misspelt, must not stand in it.
    """
    try:
        yield
    except (sa.exc.SQLAlchemyError, OSError, OverflowError) as error:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())
        cause = scrub(reason, url).rstrip(".?")
        hint = next((hint for sign, hint in HINTS if sign in cause), OTHER_HINT)
        raise LedgerError(f"ledger: {where} failed: {cause}.", hint=hint) from error

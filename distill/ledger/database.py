"""The database behind the ledger: SQLite or PostgreSQL through SQLAlchemy, errors in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from distill.errors import ConfigError, Fault, LedgerError

BUSY_TIMEOUT_S = 60

_metadata = sa.MetaData()
RESPONSES = sa.Table(
    "responses",
    _metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("provider", sa.String(64), nullable=False),
    sa.Column("namespace", sa.String(128), nullable=False),
    sa.Column("model", sa.String(256), nullable=False),
    sa.Column("served_model", sa.String(256), nullable=False),
    sa.Column("sample", sa.Integer, nullable=False),
    sa.Column("request", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("input_tokens", sa.Integer, nullable=False),
    sa.Column("output_tokens", sa.Integer, nullable=False),
    sa.Column("request_id", sa.String(256), nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
)
# Who is paying for a response right now, so that nobody else does.
CLAIMS = sa.Table(
    "claims",
    _metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("owner", sa.String(128), nullable=False),
    sa.Column("expires_at", sa.Float, nullable=False),
)


def is_sqlite_path(url: str) -> bool:
    """Say whether `url` is a plain path, to be opened as a SQLite file."""
    return "://" not in url


def open_database(url: str, synchronous: str) -> sa.Engine:
    """Connect and make the tables that are missing.

    Raises:
        ConfigError: the URL cannot be read, or names a database that is not supported.
        LedgerError: the database cannot be opened.
    """
    if is_sqlite_path(url):
        with told(url):
            Path(url).parent.mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{Path(url).absolute()}"
    try:
        engine = sa.create_engine(url)
    except (
        sa.exc.ArgumentError,
        sa.exc.NoSuchModuleError,
        ModuleNotFoundError,
        ValueError,
    ) as error:
        fault = Fault("ledger.url", "a path or a SQLAlchemy URL", _safe(url), hint=str(error))
        raise ConfigError([fault]) from error
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _sqlite_settings(synchronous))
    with told(_safe(url)), engine.begin() as connection:
        for table in (RESPONSES, CLAIMS):
            connection.execute(sa.schema.CreateTable(table, if_not_exists=True))
    return engine


def _sqlite_settings(synchronous: str) -> Any:
    def apply(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_S * 1000}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={synchronous}")
        cursor.close()

    return apply


def insert_or_keep(table: sa.Table, dialect: str) -> Any:
    """Return an insert that leaves a row with the same primary key as it is.

    Raises:
        ConfigError: no such insert is known for the database.
    """
    if dialect == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    if dialect == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    fault = Fault("ledger.url", "a SQLite or PostgreSQL URL", dialect)
    raise ConfigError([fault])


def _safe(url: str) -> str:
    """Return `url` without its password."""
    try:
        return sa.engine.make_url(url).render_as_string(hide_password=True)
    except (sa.exc.ArgumentError, ValueError):
        return "a text that is no URL"


@contextmanager
def told(where: str = "the ledger") -> Iterator[None]:
    """Turn a database error into one sentence, without SQL and without secrets."""
    try:
        yield
    except (sa.exc.SQLAlchemyError, OSError) as error:
        cause = getattr(error, "orig", None) or error
        raise LedgerError(
            f"ledger: {where} failed: {cause}.",
            hint="see that the disk has room and the file or server can be written, then run "
            "again: what was paid for is kept",
        ) from error

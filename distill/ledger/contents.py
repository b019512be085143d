"""What a ledger holds, in figures, and how it is kept small."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from distill.ledger.address import sqlite_file, without_password
from distill.ledger.batches import UnderWay, under_way
from distill.ledger.claimants import Claimant, claimants, drop_lapsed
from distill.ledger.database import BUSY_TIMEOUT_S, RESPONSES, told
from distill.ledger.store import Ledger
from distill.ledger.tables import TABLES
from distill.models.prices import price_of

SYNCHRONOUS = {0: "OFF", 1: "NORMAL", 2: "FULL", 3: "EXTRA"}
WAIT_FOR_READERS_S = 1
# SQLite keeps what is not yet in the file itself beside it.
BESIDE = ("", "-wal", "-shm")


@dataclass(frozen=True, kw_only=True)
class Held:
    """The responses of one model.

    Args:
        provider: Provider's name.
        model: The id asked for.
        served_model: The id served.
        responses: How many.
        input_tokens: Tokens of their requests.
        output_tokens: Tokens of them.
        cost_usd: What they cost at the list price of today, `None` where it is not known.
    """

    provider: str
    model: str
    served_model: str
    responses: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None


@dataclass(frozen=True, kw_only=True)
class Contents:
    """A ledger in figures.

    Args:
        where: The path or URL, without a password.
        database: `sqlite` or `postgresql`.
        settings: How it keeps what was acknowledged, by the names of the database's own settings,
            read back from the database.
        bytes: What it takes on disk.
        held: By provider, model and served model, the most responses first.
        oldest: When the first response came in, UTC; `None` where there is none.
        newest: When the last one came in.
        claimants: Who is paying for responses, or was.
        batches: Batches whose responses have not come in yet.
    """

    where: str
    database: str
    settings: dict[str, str]
    bytes: int
    held: tuple[Held, ...]
    oldest: str | None
    newest: str | None
    claimants: tuple[Claimant, ...]
    batches: tuple[UnderWay, ...]

    @property
    def responses(self) -> int:
        """How many responses there are."""
        return sum(held.responses for held in self.held)

    @property
    def known_usd(self) -> float:
        """Dollars over all responses whose price is known."""
        return sum(held.cost_usd or 0.0 for held in self.held)

    @property
    def unpriced(self) -> int:
        """How many responses have no known price."""
        return sum(held.responses for held in self.held if held.cost_usd is None)


@dataclass(frozen=True, kw_only=True)
class Vacuumed:
    """What vacuuming did.

    Args:
        where: The path or URL, without a password.
        responses: How many there are; all of them stay.
        claims: Claims dropped that nobody can be paying for any more.
        bytes_before: What it took on disk.
        bytes_after: What it takes now.
        in_use: Whether somebody was reading, so that some of the room is given back only when the
            next one closes the ledger.
    """

    where: str
    responses: int
    claims: int
    bytes_before: int
    bytes_after: int
    in_use: bool


def contents_of(ledger: Ledger) -> Contents:
    """Count what a ledger holds.

    Raises:
        LedgerError: it cannot be read.
    """
    columns = (RESPONSES.c.provider, RESPONSES.c.model, RESPONSES.c.served_model)
    groups = sa.select(
        *columns,
        sa.func.count(RESPONSES.c.key),
        sa.func.sum(RESPONSES.c.input_tokens),
        sa.func.sum(RESPONSES.c.output_tokens),
        sa.func.min(RESPONSES.c.created_at),
        sa.func.max(RESPONSES.c.created_at),
    ).group_by(*columns)
    with told(), ledger.engine.connect() as connection:
        rows = connection.execute(groups).all()
        holders = tuple(claimants(connection))
        batches = tuple(under_way(connection))
        settings = _settings(connection)
        size = _bytes(ledger, connection)
    held = [_held(*row[:6]) for row in rows]
    held.sort(key=lambda one: (-one.responses, one.provider, one.model, one.served_model))
    return Contents(
        where=without_password(ledger.url),
        database=ledger.engine.dialect.name,
        settings=settings,
        bytes=size,
        held=tuple(held),
        oldest=min((row[6] for row in rows), default=None),
        newest=max((row[7] for row in rows), default=None),
        claimants=holders,
        batches=batches,
    )


def vacuum(ledger: Ledger) -> Vacuumed:
    """Drop lapsed claims and give back the room that nothing uses; every response stays.

    Raises:
        LedgerError: the database is in use by somebody who does not let go, or the disk has no
            room for the copy that SQLite makes on the way.
    """
    with told(), ledger.engine.connect() as connection:
        before = _bytes(ledger, connection)
    with told(), ledger.engine.begin() as connection:
        claims = drop_lapsed(connection)
    in_use = False
    alone = ledger.engine.execution_options(isolation_level="AUTOCOMMIT")
    with told(), alone.connect() as connection:
        if ledger.engine.dialect.name == "sqlite":
            connection.exec_driver_sql("VACUUM")
            in_use = not _empty_log(connection)
        else:
            for table in TABLES:
                connection.exec_driver_sql(f"VACUUM (ANALYZE) {table.name}")
        after = _bytes(ledger, connection)
    return Vacuumed(
        where=without_password(ledger.url),
        responses=ledger.count(),
        claims=claims,
        bytes_before=before,
        bytes_after=after,
        in_use=in_use,
    )


def _empty_log(connection: sa.Connection) -> bool:
    """Bring SQLite's write-ahead log into its file and cut it; `False` where it is being read."""
    connection.exec_driver_sql(f"PRAGMA busy_timeout={WAIT_FOR_READERS_S * 1000}")
    busy, *_ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
    connection.exec_driver_sql(f"PRAGMA busy_timeout={BUSY_TIMEOUT_S * 1000}")
    return not busy


def _held(
    provider: str, model: str, served: str, responses: int, asked: int, answered: int
) -> Held:
    price = price_of(provider, model)
    tokens = {"input_tokens": int(asked), "output_tokens": int(answered)}
    return Held(
        provider=provider,
        model=model,
        served_model=served,
        responses=responses,
        cost_usd=None if price is None else price.cost_usd(**tokens),
        **tokens,
    )


def _settings(connection: sa.Connection) -> dict[str, str]:
    if connection.dialect.name != "sqlite":
        names = ("server_version", "synchronous_commit", "fsync")
        return {name: str(connection.exec_driver_sql(f"SHOW {name}").scalar()) for name in names}
    mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
    level = connection.exec_driver_sql("PRAGMA synchronous").scalar()
    return {"journal_mode": str(mode), "synchronous": SYNCHRONOUS.get(int(level or 0), str(level))}


def _bytes(ledger: Ledger, connection: sa.Connection) -> int:
    if connection.dialect.name == "sqlite":
        path = sqlite_file(ledger.url)
        if path is None:
            return 0
        files = (path.with_name(f"{path.name}{ending}") for ending in BESIDE)
        return sum(file.stat().st_size for file in files if file.exists())
    size = sa.select(*(sa.func.pg_total_relation_size(table.name) for table in TABLES))
    return sum(int(one) for one in connection.execute(size).one())

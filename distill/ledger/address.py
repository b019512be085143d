"""Where a ledger is: a path or a URL, and the URL as it may be shown."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import sqlalchemy as sa

from distill.errors import UserError

HIDDEN = "***"
# Shorter pieces stand in too many words that are no secret.
MIN_SECRET_CHARS = 3
# A URL may be misspelt in any way, so that the password is looked for without parsing it.
_PASSWORD = re.compile(r"(://[^/:@\s]*:)(\S*)(@)")
_FIELD = re.compile(r"([?&][\w-]*(?:pass|pwd|secret|token|key)[\w-]*=)([^&\s#]+)", re.IGNORECASE)
_CUTS = re.compile(r"[@/:?#]")


def is_sqlite_path(url: str) -> bool:
    """Say whether `url` is a plain path, to be opened as a SQLite file."""
    return "://" not in url


def address_of(url: str) -> sa.URL:
    """Return the database that a path or a URL names.

    Raises:
        ArgumentError, ValueError: it is no URL.
    """
    if is_sqlite_path(url):
        return sa.URL.create("sqlite", database=str(Path(url).absolute()))
    address = sa.make_url(url)
    # One driver is shipped and tested; which one the bare name means differs between releases.
    if address.drivername in {"postgresql", "postgres"}:
        return address.set(drivername="postgresql+psycopg")
    return address


def sqlite_file(url: str) -> Path | None:
    """Return the file of a SQLite ledger; `None` for a server, or a database in memory."""
    try:
        address = address_of(url)
    except (sa.exc.ArgumentError, ValueError):
        return None
    if address.get_backend_name() != "sqlite" or address.database in {None, "", ":memory:"}:
        return None
    return Path(str(address.database))


def require_ledger(url: str) -> None:
    """See that a ledger in a file is there, where opening it would make a new one.

    Raises:
        UserError: it is not.
    """
    path = sqlite_file(url)
    if path is not None and not path.exists():
        raise UserError(
            f"ledger.url: got {str(path)!r}, want a ledger that is there.",
            hint="the first run makes it; ledger.url=… names another",
        )


def without_password(url: str) -> str:
    """Return `url` as it may be shown."""
    return _FIELD.sub(rf"\1{HIDDEN}", _PASSWORD.sub(rf"\1{HIDDEN}\3", url))


def scrub(text: str, url: str) -> str:
    """Take every part of the password of `url` out of a message about it.

    Drivers never tell a password. But one with an unescaped `@` or `/` is cut apart by whoever
    reads the URL, and a part of it comes back as the name of a host that cannot be found.
    """
    for secret in _cut_apart(url):
        text = text.replace(secret, HIDDEN)
    return text


def _cut_apart(url: str) -> list[str]:
    passwords = [match[2] for match in _PASSWORD.finditer(url) if _CUTS.search(match[2])]
    parts = {part for text in passwords for part in (text, *_CUTS.split(text))}
    known = (part for part in parts | set(map(unquote, parts)) if len(part) >= MIN_SECRET_CHARS)
    return sorted(known, key=len, reverse=True)

"""API keys: read from the environment at the moment of use, never stored, never shown."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from distill.errors import Fault, FaultsError

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
NO_KEY = "no-key-needed"


class MissingKeyError(FaultsError):
    """The environment lacks the key that a provider needs."""


def is_loopback(base_url: str | None) -> bool:
    """Say whether `base_url` points at this machine."""
    return base_url is not None and urlsplit(base_url).hostname in LOOPBACK


def has_key(variable: str | None, base_url: str | None) -> bool:
    """Say whether a call could be made: a key is set, or the endpoint is on this machine."""
    return variable is None or bool(os.environ.get(variable)) or is_loopback(base_url)


def key_from_environment(name: str, variable: str | None, base_url: str | None) -> str:
    """Return the key.

    Args:
        name: Who is asked: `teacher` or `judge`.
        variable: The environment variable, or `None` where the endpoint wants no key.
        base_url: The endpoint; one on this machine does without a key.

    Raises:
        MissingKeyError: the variable is not set.
    """
    key = os.environ.get(variable) if variable else None
    if key:
        return key
    if has_key(variable, base_url):
        return NO_KEY
    fault = Fault(
        name,
        f"no key: the environment variable {variable} is not set",
        hint=f"export {variable}=…, or run without a key: distill run experiment=demo",
    )
    raise MissingKeyError([fault])

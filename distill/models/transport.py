"""The HTTP client under the SDKs, for all but the requests that are paid for: see `post`."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from distill.models.keys import is_loopback

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

CONNECT_TIMEOUT_S = 10.0
# A batch may be large, and its results many.
READ_TIMEOUT_S = 600.0
# Where the environment says which authorities are trusted.
TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def http_client(make: Callable[..., Any], *, base_url: str | None) -> Any:
    """Return an HTTP client for an SDK.

    Args:
        make: The SDK's `DefaultAioHttpClient`.
        base_url: The endpoint, or `None` for the provider's own.
    """
    import httpx2

    return make(
        timeout=httpx2.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
        # A proxy of the environment cannot reach this machine's own loopback.
        trust_env=not is_loopback(base_url),
        verify=tls_context(trust_env=not is_loopback(base_url)),
        # No API sends any, and a key is not to be carried elsewhere.
        follow_redirects=False,
    )


def tls_context(*, trust_env: bool) -> ssl.SSLContext:
    """Return how a server is verified; the same for all connections of a process.

    Reading the authorities of a system takes longer than opening a connection.

    Args:
        trust_env: Whether the environment may name other authorities than the system's.
    """
    return _tls_context(tuple(os.environ.get(name) for name in TRUST) if trust_env else None)


@cache
def _tls_context(told: tuple[str | None, ...] | None) -> ssl.SSLContext:
    import httpx2

    return httpx2.create_ssl_context(trust_env=told is not None)

"""The HTTP client under the SDKs: aiohttp, with no cap on connections of its own.

How much is in flight is decided by the pace alone, so the pool never makes a request wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from distill.models.keys import is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable

CONNECT_TIMEOUT_S = 10.0


def http_client(make: Callable[..., Any], *, base_url: str | None, timeout_s: float) -> Any:
    """Return an HTTP client for an SDK.

    Args:
        make: The SDK's `DefaultAioHttpClient`.
        base_url: The endpoint, or `None` for the provider's own.
        timeout_s: Longest that the connection stays silent.
    """
    import httpx2

    return make(
        timeout=httpx2.Timeout(timeout_s, connect=CONNECT_TIMEOUT_S),
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=None),
        # A proxy of the environment cannot reach this machine's own loopback.
        trust_env=not is_loopback(base_url),
    )

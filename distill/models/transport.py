"""The HTTP client under the SDKs, for all but the requests that are paid for: see `post`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from distill.models.keys import is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable

CONNECT_TIMEOUT_S = 10.0
# A batch may be large, and its results many.
READ_TIMEOUT_S = 600.0


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
        # No API sends any, and a key is not to be carried elsewhere.
        follow_redirects=False,
    )

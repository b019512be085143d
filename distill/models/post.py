"""Posts one body over a kept-alive connection: the leanest way from an SDK's client to the wire.

The SDK's client says where to and with which headers (auth, API version, user agent), and its
errors are what a refusal becomes. Between the two, its machinery of options, typed requests and
responses costs three times what the posting itself does, so the bytes go through one aiohttp
session.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from distill.models.keys import is_loopback
from distill.models.limits import read_retry_after
from distill.models.protocol import FailedRequestError, Send, Sent
from distill.models.transport import tls_context

CONNECT_TIMEOUT_S = 10.0
SHOWN_CHARS = 500
# A redirect is one too: no API sends any, and a key is not to be carried elsewhere.
FIRST_ERROR = 300
# These say that every further request would be refused too.
FATAL_STATUSES = frozenset({401, 402, 403})
# OpenAI's code for an account without money left, which it tells as a 429.
SPENT_CODES = frozenset({"insufficient_quota"})
RETRIED_STATUSES = frozenset({408, 409, 429})
FIRST_SERVER_ERROR = 500
# These say that too much is asked at once.
OVERLOAD_STATUSES = frozenset({429, 503, 529})
# A provider does not bill what it answers with an error. These do not say that it was the provider
# who answered, or that it had stopped working on the request.
MAYBE_BILLED_STATUSES = frozenset({408, 502, 504})
OK, LAST_STATUS = 200, 600
# What an error is called, by Anthropic, OpenAI and Google, and the status that it comes with.
KINDS = {
    "invalid_request_error": 400,
    "invalid_argument": 400,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "unauthenticated": 401,
    "billing_error": 402,
    "permission_error": 403,
    "permission_denied": 403,
    "not_found_error": 404,
    "not_found": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "resource_exhausted": 429,
    "api_error": 500,
    "server_error": 500,
    "internal": 500,
    "unavailable": 503,
    "timeout_error": 504,
    "deadline_exceeded": 504,
    "overloaded_error": 529,
}


@asynccontextmanager
async def posting(
    url: str, headers: Mapping[str, Any], *, timeout_s: float, id_header: str, secret: str
) -> AsyncIterator[Send]:
    """Open a session and yield the function that posts one body once.

    Args:
        url: Where to.
        headers: The SDK client's own; one that it leaves out is not a text.
        timeout_s: Longest that the connection stays silent.
        id_header: The response header with the provider's id of the request.
        secret: The key: what must not be repeated, should the endpoint do so.
    """
    import aiohttp

    # A proxy of the environment cannot reach this machine's own loopback.
    proxied = not is_loopback(url)
    connector = aiohttp.TCPConnector(limit=0, ssl=tls_context(trust_env=proxied))
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=timeout_s)
    sent_headers = {name: value for name, value in headers.items() if isinstance(value, str)}
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, headers=sent_headers, trust_env=proxied
    ) as session:

        async def send(request: str) -> Sent:
            try:
                async with session.post(
                    url, data=request.encode(), allow_redirects=False
                ) as response:
                    content, status, told = await response.read(), response.status, response.headers
            except (TimeoutError, aiohttp.ClientError, OSError) as error:
                detail = " ".join(str(error).split())
                named = f"{type(error).__name__}, {detail}" if detail else type(error).__name__
                unreached = aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError
                raise FailedRequestError(
                    named,
                    retry=True,
                    overloaded=True,
                    maybe_billed=not isinstance(error, unreached),
                ) from error
            if status >= FIRST_ERROR:
                raise refusal(status, content, told, told.get(id_header), secret=secret)
            try:
                body = json.loads(content)
            except (ValueError, RecursionError) as error:
                # A gateway may do better the next time.
                why = "the reply is not JSON"
                raise FailedRequestError(why, retry=True, maybe_billed=True) from error
            failed = failure_in(body, told, told.get(id_header), secret=secret)
            if failed is not None:
                raise failed
            return Sent(body=body, request_id=told.get(id_header, ""), headers=told)

        yield send


def failure_in(
    body: Any, headers: Mapping[str, str], request_id: str | None, *, secret: str = ""
) -> FailedRequestError | None:
    """Return the error that a body of status 200 holds, `None` where it holds none.

    Gateways tell so of what went wrong behind them. It is dealt with like the status that it
    names; one that names none is final, and nobody can tell whether it was billed.
    """
    first = body[0] if isinstance(body, list) and body else body
    if not isinstance(first, Mapping):
        return None
    error = first.get("error") or (first if first.get("object") == "error" else None)
    if not error or first.get("choices") or first.get("content"):
        return None
    status = _named_status(error)
    content = json.dumps(first).encode()
    failed = refusal(status or OK, content, headers, request_id, secret=secret, in_success=True)
    failed.maybe_billed = failed.maybe_billed or status is None
    return failed


def _named_status(error: Any) -> int | None:
    """Return the status that an error object names by number or by kind."""
    if not isinstance(error, Mapping):
        return None
    for name in ("code", "status", "http_status", "status_code", "type"):
        told = error.get(name)
        if isinstance(told, str):
            told = int(told) if told.isascii() and told.isdigit() else KINDS.get(told.lower())
        if isinstance(told, int) and FIRST_ERROR <= told < LAST_STATUS:
            return told
    return None


def refusal(
    status: int,
    content: bytes,
    headers: Mapping[str, str],
    request_id: str | None,
    *,
    secret: str = "",
    in_success: bool = False,
) -> FailedRequestError:
    """Turn an error response into ours: model errors name status, message and request id.

    Args:
        status: HTTP status.
        content: The body: the provider's envelope, or whatever a gateway says.
        headers: Of the response.
        request_id: The provider's id of the request, if there is one.
        secret: What must not be repeated.
        in_success: Whether the response itself said 200 and its body names the status.
    """
    envelope = _envelope(content)
    spent = isinstance(envelope, Mapping) and envelope.get("code") in SPENT_CODES
    named = "HTTP 200 with an error" if in_success else f"HTTP {status}"
    if in_success and status != OK:
        named += f" like HTTP {status}"
    parts = [named, _message(envelope, secret)]
    if request_id:
        parts.append(f"request {request_id}")
    return FailedRequestError(
        ", ".join(part for part in parts if part),
        fatal=status in FATAL_STATUSES or spent,
        retry=not spent and _may_help(status, headers.get("x-should-retry")),
        overloaded=status in OVERLOAD_STATUSES,
        retry_after_s=read_retry_after(headers, now_s=time.time()),
        maybe_billed=status in MAYBE_BILLED_STATUSES,
        headers=headers,
    )


def _envelope(content: bytes) -> Any:
    """Return what tells of an error: the object under `error`, the body, or its text.

    Google's endpoint puts its body into a list.
    """
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        return content.decode("utf-8", "replace")
    if isinstance(told, list) and told:
        told = told[0]
    return told.get("error", told) if isinstance(told, Mapping) else told


def _message(envelope: Any, secret: str) -> str:
    """Return an error's own words on one line, cut where they are long, without the secret."""
    told = envelope.get("message", envelope) if isinstance(envelope, Mapping) else envelope
    text = " ".join(str(told).split())
    text = text.replace(secret, "***") if secret else text
    text = "".join(sign for sign in text if sign.isprintable())
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"


def _may_help(status: int, provider_says: str | None) -> bool:
    """Say whether another attempt may succeed: the provider's word first, then the status."""
    if provider_says in {"true", "false"}:
        return provider_says == "true"
    return status in RETRIED_STATUSES or status >= FIRST_SERVER_ERROR

"""The Anthropic Messages API through the official SDK, for Claude and the embedded model.

The SDK gives connections, auth and errors; attempts and pace are `online`'s, because a refusal is
for all workers to know and not for one request to sit out. The body is sent as the very bytes that
the ledger's key was made from, and the raw response comes back untyped: building typed responses
costs more than the rest of the call. The SDK is imported when the connection is opened, because
the import alone takes seconds and a run that the ledger answers whole needs none of it.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from distill.errors import ModelError
from distill.models.limits import read_retry_after
from distill.models.protocol import FailedRequestError, Reply, Request, Send, Sent
from distill.models.transport import CONNECT_TIMEOUT_S, http_client

# These say that every further request would be refused too.
FATAL_STATUSES = frozenset({401, 402, 403})
RETRIED_STATUSES = frozenset({408, 409, 429})
FIRST_SERVER_ERROR = 500
# OpenAI's code for an account without money left, which it tells as a 429.
SPENT_CODES = frozenset({"insufficient_quota"})
MAX_MESSAGE_CHARS = 500
MAX_TOKEN_COUNT = 2**31 - 1
# These say that too much is asked at once.
OVERLOAD_STATUSES = frozenset({429, 503, 529})


def message_body(request: Request, *, model: str, max_tokens: int) -> dict[str, Any]:
    """Return the body of a Messages API call; optional fields only where they are set."""
    turns = [
        turn
        for user, assistant in request.shots
        for turn in (
            {"role": "user", "content": user},
            {"role": "assistant", "content": assistant},
        )
    ]
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": max_tokens,
        "messages": [*turns, {"role": "user", "content": request.prompt}],
    }
    if request.system is not None:
        body["system"] = request.system
    if request.schema is not None:
        body["output_config"] = {"format": {"type": "json_schema", "schema": dict(request.schema)}}
    return body


def read_message(body: Mapping[str, Any]) -> Reply:
    """Read a Messages API response.

    Raises:
        ValueError: `body` is not one.
    """
    try:
        usage = body["usage"]
        cached = (
            usage.get("cache_read_input_tokens") or 0,
            usage.get("cache_creation_input_tokens") or 0,
        )
        return Reply(
            text="".join(b["text"] for b in body["content"] if b.get("type") == "text"),
            stop_reason=str(body["stop_reason"]),
            served_model=str(body["model"]),
            input_tokens=token_count(usage["input_tokens"]) + sum(map(token_count, cached)),
            output_tokens=token_count(usage["output_tokens"]),
            label_logprobs=body.get("label_logprobs"),
        )
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"no Messages API response: {error!r}") from error


def token_count(value: Any) -> int:
    """Return a number of tokens as every ledger can keep it.

    Raises:
        ValueError: it is none.
        TypeError: it is no number.
        OverflowError: it is not finite.
    """
    count = int(value)
    if not 0 <= count <= MAX_TOKEN_COUNT:
        raise ValueError("no number of tokens")
    return count


@asynccontextmanager
async def connect_messages(
    *,
    api_key: str,
    base_url: str | None,
    model: str,
    timeout_s: float,
    name: str,
) -> AsyncIterator[Send]:
    """Open a client and yield the function that sends one body once.

    Args:
        api_key: The key; goes into the header and nowhere else.
        base_url: The endpoint, or `None` for the provider's own.
        model: The id to look up before the first request.
        timeout_s: Longest that the connection stays silent.
        name: Who is asked, for messages: `teacher` or `judge`.
    """
    import httpx2
    from anthropic import APIError, AsyncAnthropic, DefaultAioHttpClient

    async with AsyncAnthropic(
        api_key=api_key,
        base_url=base_url,
        max_retries=0,
        http_client=http_client(DefaultAioHttpClient, base_url=base_url, timeout_s=timeout_s),
    ) as client:
        await _look_up(client, model, name)

        async def send(request: str) -> Sent:
            try:
                response = await client.post(
                    "/v1/messages",
                    content=request.encode(),
                    options={"headers": {"content-type": "application/json"}},
                    cast_to=httpx2.Response,
                )
            except APIError as error:
                raise told(error, api_key) from error
            return sent(response.content, response.headers, "request-id")

        yield send


def sent(content: bytes, headers: Mapping[str, str], id_header: str) -> Sent:
    """Return a raw answer.

    Raises:
        FailedRequestError: it is no JSON; a gateway may do better the next time.
    """
    try:
        body = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise FailedRequestError("the reply is not JSON", retry=True) from error
    return Sent(body=body, request_id=headers.get(id_header, ""), headers=headers)


def told(error: Any, api_key: str = "") -> FailedRequestError:
    """Turn an SDK error into ours: model errors name status, message and request id.

    Args:
        error: Of either SDK.
        api_key: What must not be repeated, should the endpoint do so.
    """
    status = getattr(error, "status_code", None)
    response = getattr(error, "response", None)
    headers: Mapping[str, str] = {} if response is None else response.headers
    request_id = getattr(error, "request_id", None)
    envelope = _envelope(getattr(error, "body", None))
    # Of a lost connection the SDKs say only that it was lost, or that time was up.
    cause = "" if status else str(error.__cause__ or "")
    message = str(envelope.get("message") or cause or getattr(error, "message", error))
    spent = envelope.get("code") in SPENT_CODES
    parts = [f"HTTP {status}" if status else _root(error), _shown(message, api_key)]
    if request_id:
        parts.append(f"request {request_id}")
    return FailedRequestError(
        ", ".join(parts),
        fatal=status in FATAL_STATUSES or spent,
        retry=not spent and _may_help(status, headers.get("x-should-retry")),
        overloaded=status is None or status in OVERLOAD_STATUSES,
        retry_after_s=read_retry_after(headers, now_s=time.time()),
        headers=headers,
    )


def _root(error: BaseException) -> str:
    """Return the name of the error that an error goes back to."""
    while error.__cause__ is not None:
        error = error.__cause__
    return type(error).__name__


def _envelope(body: Any) -> dict[str, Any]:
    """Return the object that tells of an error.

    Anthropic's SDK hands over the whole body, OpenAI's only what stands under `error`, and Google's
    endpoint puts its body into a list.
    """
    if isinstance(body, list) and body:
        body = body[0]
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        body = body["error"]
    return body if isinstance(body, dict) and isinstance(body.get("message"), str) else {}


def _shown(message: str, api_key: str) -> str:
    """Return a provider's words on one line, cut where they are long, without the key."""
    line = " ".join(message.split())
    line = line.replace(api_key, "***") if api_key else line
    line = "".join(char for char in line if char.isprintable())
    return line if len(line) <= MAX_MESSAGE_CHARS else f"{line[:MAX_MESSAGE_CHARS]}…"


def _may_help(status: int | None, provider_says: str | None) -> bool:
    """Say whether another attempt may succeed: the provider's word first, then the status."""
    if provider_says in {"true", "false"}:
        return provider_says == "true"
    return status is None or status in RETRIED_STATUSES or status >= FIRST_SERVER_ERROR


async def _look_up(client: Any, model: str, name: str) -> None:
    """Ask for the model's life cycle; a retired model stops the run, a near end is a warning."""
    from anthropic import APIError

    from distill.models.pins import warn_of_retirement

    try:
        info = await client.with_options(max_retries=0, timeout=CONNECT_TIMEOUT_S).models.retrieve(
            model
        )
    except APIError as error:
        status = getattr(error, "status_code", None)
        if status in FATAL_STATUSES:
            raise ModelError(
                f"{name}: the endpoint refused the key (HTTP {status}).",
                hint="see `distill doctor` for which keys are set",
            ) from error
        return  # an endpoint without a model list says nothing about the model
    warn_of_retirement(
        name,
        model,
        lifecycle=getattr(info, "lifecycle", None),
        retires_at=_moment(getattr(info, "retires_at", None)),
    )


def _moment(value: Any) -> datetime | None:
    """Return a time with its zone, UTC where none is said; `None` where it cannot be read."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)

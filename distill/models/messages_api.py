"""The Anthropic Messages API through the official SDK, for Claude and the embedded model.

The SDK's client knows keys, versions and addresses, and asks for the model's life cycle; `post`
sends the very bytes that the ledger's key was made from, with that client's headers. The SDK is
imported when the connection is opened, because the import alone takes seconds and a run that the
ledger answers whole needs none of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from distill.errors import ModelError
from distill.models import shape
from distill.models.listed import names_of, unlisted
from distill.models.post import FATAL_STATUSES, posting, refusal
from distill.models.protocol import FailedRequestError, Reply, Request, Send
from distill.models.transport import CONNECT_TIMEOUT_S, http_client

# The most that one page of the model list holds.
MAX_LISTED = 1000


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
        return _message(shape.mapping(body, "it"))
    except ValueError as error:
        raise ValueError(f"the reply is no Messages API response: {error}") from error


def _message(body: Mapping[str, Any]) -> Reply:
    usage = shape.mapping(body.get("usage") or {}, "usage")
    told_of = shape.usage(usage, ("input_tokens", "output_tokens"))
    read, written = (
        shape.tokens(usage.get(name) or 0, f"usage.{name}")
        for name in ("cache_read_input_tokens", "cache_creation_input_tokens")
    )
    texts = []
    for i, part in enumerate(shape.items(body.get("content"), "content")):
        block = shape.mapping(part, f"content[{i}]")
        if block.get("type") == "text":
            texts.append(shape.text(block.get("text"), f"content[{i}].text"))
    return Reply(
        text="".join(texts),
        stop_reason=str(shape.given(body, "stop_reason")),
        served_model=str(shape.given(body, "model")),
        input_tokens=told_of[0] + read + written if told_of else 0,
        output_tokens=told_of[1] if told_of else 0,
        tokens_told=told_of is not None,
        cache_write_tokens=written if told_of else 0,
        cache_read_tokens=read if told_of else 0,
        label_logprobs=body.get("label_logprobs"),
    )


@asynccontextmanager
async def connect_messages(
    *,
    api_key: str,
    base_url: str | None,
    model: str,
    timeout_s: float,
    name: str,
    strict: bool,
) -> AsyncIterator[Send]:
    """Open a client and yield the function that sends one body once.

    Args:
        api_key: The key; goes into the header and nowhere else.
        base_url: The endpoint, or `None` for the provider's own.
        model: The id to look up before the first request.
        timeout_s: Longest that the connection stays silent.
        name: Who is asked, for messages: `teacher` or `judge`.
        strict: Whether an id that the endpoint does not list stops the run.

    Raises:
        ModelError: the key is refused, the model is retired, or the endpoint does not list it.
    """
    async with (
        client_of(
            api_key=api_key, base_url=base_url, model=model, name=name, strict=strict
        ) as client,
        posting(
            f"{str(client.base_url).rstrip('/')}/v1/messages",
            client.default_headers,
            timeout_s=timeout_s,
            id_header="request-id",
            secret=api_key,
        ) as send,
    ):
        yield send


@asynccontextmanager
async def client_of(
    *, api_key: str, base_url: str | None, model: str, name: str, strict: bool
) -> AsyncIterator[Any]:
    """Open the SDK's client and look the model up; for the arguments see `connect_messages`."""
    from anthropic import AsyncAnthropic, DefaultAioHttpClient

    async with AsyncAnthropic(
        api_key=api_key,
        base_url=base_url,
        max_retries=0,
        http_client=http_client(DefaultAioHttpClient, base_url=base_url),
    ) as client:
        await _look_up(client, model, name, strict=strict)
        yield client


def told(error: Any, secret: str = "") -> FailedRequestError:
    """Turn an error of either SDK into ours.

    Args:
        error: Of the SDK.
        secret: What must not be repeated, should the endpoint do so.
    """
    response = getattr(error, "response", None)
    if response is None:
        detail = f"{type(error).__name__}, {error}"
        return FailedRequestError(detail, retry=True, overloaded=True)
    request_id = getattr(error, "request_id", None)
    content, headers = response.content, response.headers
    return refusal(error.status_code, content, headers, request_id, secret=secret)


async def _look_up(client: Any, model: str, name: str, *, strict: bool) -> None:
    """Ask for the model's life cycle; a retired model stops the run, a near end is a warning."""
    from anthropic import APIError

    from distill.models.pins import warn_of_retirement

    client = client.with_options(max_retries=0, timeout=CONNECT_TIMEOUT_S)
    try:
        info = await client.models.retrieve(model)
    except APIError as error:
        status = getattr(error, "status_code", None)
        if status in FATAL_STATUSES:
            raise ModelError(
                f"{name}: the endpoint refused the key (HTTP {status}).",
                hint="see `distill doctor` for which keys are set",
            ) from error
        if strict and _error_type(error.body) == "not_found_error":
            await _require_listed(client, model, name)
        return  # an endpoint without a model list says nothing about the model
    warn_of_retirement(
        name,
        model,
        lifecycle=getattr(info, "lifecycle", None),
        retires_at=_moment(getattr(info, "retires_at", None)),
    )


async def _require_listed(client: Any, model: str, name: str) -> None:
    """Stop for a model that the endpoint says it has not, where it lists those that it has."""
    from anthropic import APIError

    try:
        known = names_of(await client.models.list(limit=MAX_LISTED))
    except (APIError, ValueError, TypeError, AttributeError):
        return
    if known and model not in known:
        raise unlisted(name, model, known)


def _error_type(body: Any) -> Any:
    """Return what kind of error a response says it is; an endpoint may answer anything."""
    detail = body.get("error") if isinstance(body, dict) else None
    return detail.get("type") if isinstance(detail, dict) else None


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

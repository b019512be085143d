"""OpenAI's chat completions API, for every endpoint that speaks it.

As in `messages_api`: the official SDK's client knows keys and addresses and looks the model up, and
`post` sends the very bytes that the ledger's key was made from.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from distill.errors import ModelError
from distill.models import shape
from distill.models.listed import names_of, unlisted
from distill.models.messages_api import told
from distill.models.post import posting
from distill.models.protocol import Reply, Request, Send
from distill.models.transport import CONNECT_TIMEOUT_S, http_client

OPENAI_URL = "https://api.openai.com/v1"
STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}
# Google's resource name of a model; its endpoint takes an id with or without it.
RESOURCE = "models/"


def chat_turns(request: Request) -> list[dict[str, str]]:
    """Return the messages of a request, the system prompt first."""
    turns = [] if request.system is None else [{"role": "system", "content": request.system}]
    for user, assistant in request.shots:
        turns.append({"role": "user", "content": user})
        turns.append({"role": "assistant", "content": assistant})
    turns.append({"role": "user", "content": request.prompt})
    return turns


def read_chat(body: Mapping[str, Any]) -> Reply:
    """Read a chat completion.

    Raises:
        ValueError: `body` is none.
    """
    try:
        return _reply(shape.mapping(body, "it"))
    except ValueError as error:
        raise ValueError(f"the reply is no chat completion: {error}") from error


def _reply(body: Mapping[str, Any]) -> Reply:
    choices = shape.items(body.get("choices"), "choices")
    choice = shape.mapping(choices[0] if choices else None, "choices[0]")
    message = shape.mapping(choice.get("message"), "choices[0].message")
    usage = shape.mapping(body.get("usage") or {}, "usage")
    told_of = shape.usage(usage, ("prompt_tokens", "completion_tokens"))
    reason = str(shape.given(choice, "finish_reason", "choices[0]."))
    content, served = message.get("content"), shape.given(body, "model")
    try:
        first_token = _first_token(choice.get("logprobs"))
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise ValueError("choices[0].logprobs are not in the form of the API") from error
    return Reply(
        text="" if content is None else shape.text(content, "choices[0].message.content"),
        stop_reason="refusal" if message.get("refusal") else STOP_REASONS.get(reason, reason),
        served_model="" if served is None else shape.text(served, "model"),
        input_tokens=told_of[0] if told_of else 0,
        output_tokens=told_of[1] if told_of else 0,
        tokens_told=told_of is not None,
        first_token=first_token,
    )


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} where text belongs")
    return value


def _first_token(logprobs: Any) -> dict[str, float] | None:
    """Return the log-probability by first token, of those that the endpoint tells of.

    Ids that are written alike (a token of its own and one that continues a word) are summed.
    """
    if not logprobs or not logprobs.get("content"):
        return None
    place = logprobs["content"][0]
    told_of = place.get("top_logprobs") or [place]
    found: dict[str, float] = {}
    seen = set()
    for entry in told_of:
        if entry["logprob"] is None:
            continue
        # Rounding may leave a certain token a little above 0.
        token, logprob = _text(entry["token"]), min(float(entry["logprob"]), 0.0)
        identity = (token, tuple(entry.get("bytes") or ()), entry.get("id"), logprob)
        if not math.isfinite(logprob) or identity in seen:
            continue
        # The token that was drawn is told once more by some endpoints.
        seen.add(identity)
        found[token] = _sum_of_logs(found.get(token), logprob)
    return found


def _sum_of_logs(one: float | None, other: float) -> float:
    if one is None:
        return other
    high, low = max(one, other), min(one, other)
    return high + math.log1p(math.exp(low - high))


@asynccontextmanager
async def connect_chat(
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
        base_url: The endpoint, or `None` for OpenAI's own.
        model: The id to look up before the first request.
        timeout_s: Longest that the connection stays silent.
        name: Who is asked, for messages: `teacher` or `judge`.
        strict: Whether an id that the endpoint does not list stops the run.

    Raises:
        ModelError: the `openai` package is missing, the key is refused or the model is not there.
    """
    try:
        from openai import AsyncOpenAI, DefaultAioHttpClient
    except ImportError as error:
        raise ModelError(
            "the openai package is not installed.", hint="pip install 'distill[openai]'"
        ) from error
    async with AsyncOpenAI(
        api_key=api_key,
        # Said in full: the SDK would else take a host from the environment that no config names.
        base_url=base_url or OPENAI_URL,
        max_retries=0,
        http_client=http_client(DefaultAioHttpClient, base_url=base_url),
    ) as client:
        if base_url is not None:
            # The SDK reads them from the environment; they are OpenAI's to know.
            client.organization = client.project = None
        await _look_up(client, model, name, api_key=api_key, strict=strict)
        async with posting(
            f"{str(client.base_url).rstrip('/')}/chat/completions",
            {**client.default_headers, **client.auth_headers},
            timeout_s=timeout_s,
            id_header="x-request-id",
            secret=api_key,
        ) as send:
            yield send


async def _look_up(client: Any, model: str, name: str, *, api_key: str, strict: bool) -> None:
    """Ask whether the endpoint has the model; one that cannot say is not asked further.

    Raises:
        ModelError: the key is refused, or the endpoint lists its models and this is none of them.
    """
    from openai import APIError, AuthenticationError, NotFoundError

    # By the call: a client made by `with_options` would read the environment once more.
    try:
        await client.models.retrieve(model, timeout=CONNECT_TIMEOUT_S)
    except AuthenticationError as error:
        raise ModelError(
            f"{name}: the endpoint refused the key ({told(error, api_key).detail}).",
            hint="see `distill doctor` for which keys are set",
        ) from error
    except NotFoundError:
        pass  # some endpoints tell of no single model, but list them all
    except (APIError, ValueError, TypeError, AttributeError):
        return
    else:
        return
    try:
        known = names_of(await client.models.list(timeout=CONNECT_TIMEOUT_S))
    except (APIError, ValueError, TypeError, AttributeError):
        return
    if not strict or not known or same_model(model, *known):
        return
    raise unlisted(name, model, known)


def same_model(model: str, *others: str) -> bool:
    """Say whether an id is one of others, Google's resource name being the same as the id."""
    return model.removeprefix(RESOURCE) in {other.removeprefix(RESOURCE) for other in others}

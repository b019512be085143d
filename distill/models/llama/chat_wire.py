"""OpenAI's chat API in JSON: requests read and checked, replies and errors written.

As `distill.models.llama.wire` does for the Messages API, into whose request a chat is turned: what
stands behind both is one. What the model cannot do is refused by name, never ignored.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from distill.models.llama.engine import Completion
from distill.models.llama.wire import (
    Content,
    JsonFormat,
    Message,
    MessagesRequest,
    OutputConfig,
    Strict,
    invalid,
    json_object,
    refuse,
)

FINISH = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length"}
SYSTEM_ROLES = ("system", "developer")
MAX_TOP_LOGPROBS = 20


class ChatMessage(Strict):
    """One turn, or the system prompt."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Content
    name: str | None = None


class NamedSchema(Strict):
    """A JSON schema with its name."""

    name: str
    json_schema: dict[str, Any] = Field(alias="schema")
    strict: bool | None = None
    description: str | None = None


class ResponseFormat(Strict):
    """What binds the reply."""

    type: Literal["text", "json_schema"]
    json_schema: NamedSchema | None = None


class StreamOptions(Strict):
    """How it is streamed."""

    include_usage: bool = False


def _texts(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class AskedInChat(MessagesRequest):
    """A chat as the Messages API would have asked it, with what that API has no word for.

    Args:
        temperature: In [0, 2].
        top_logprobs: See `first_logprobs`.
    """

    temperature: float = Field(default=1.0, ge=0, le=2)
    top_logprobs: int | None = None

    @property
    def first_logprobs(self) -> int | None:
        """How many likeliest tokens are told of each drawn one; `None` tells nothing."""
        return self.top_logprobs


class ChatRequest(Strict):
    """The body of `/v1/chat/completions`."""

    model: str
    messages: list[ChatMessage] = Field(min_length=1)
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    seed: int | None = None
    stop: Annotated[list[str] | None, BeforeValidator(_texts)] = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    response_format: ResponseFormat | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=MAX_TOP_LOGPROBS)
    user: str | None = None
    metadata: dict[str, Any] | None = None
    # Their values that change nothing.
    n: Literal[1] | None = None
    top_p: Annotated[float, Field(ge=1, le=1)] | None = None
    presence_penalty: Annotated[float, Field(ge=0, le=0)] | None = None
    frequency_penalty: Annotated[float, Field(ge=0, le=0)] | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> ChatRequest:
        spoken = [message.role in SYSTEM_ROLES for message in self.messages]
        if all(spoken):
            raise ValueError("messages: want a turn of the user's")
        if any(spoken[spoken.index(False) :]):
            raise ValueError("messages: want system prompts ahead of all turns")
        if self.top_logprobs is not None and not self.logprobs:
            raise ValueError("top_logprobs: want logprobs=true beside it")
        return self

    def asked(self, *, most_tokens: int) -> AskedInChat:
        """Return the same as the Messages API asks it.

        Args:
            most_tokens: Longest reply where the request names none.

        Raises:
            ApiError: 400.
        """
        system = [block for m in self.messages if m.role in SYSTEM_ROLES for block in m.content]
        turns = [
            Message(role=m.role, content=m.content)
            for m in self.messages
            if m.role == "user" or m.role == "assistant"
        ]
        try:
            return AskedInChat(
                model=self.model,
                messages=turns,
                system=system or None,
                max_tokens=self.max_completion_tokens or self.max_tokens or most_tokens,
                temperature=1.0 if self.temperature is None else self.temperature,
                seed=self.seed,
                stop_sequences=self.stop or [],
                output_config=self._bound(),
                top_logprobs=(self.top_logprobs or 0) if self.logprobs else None,
            )
        except ValidationError as error:
            refuse(error)

    def _bound(self) -> OutputConfig | None:
        wanted = self.response_format
        if wanted is None or wanted.type == "text":
            return None
        if wanted.json_schema is None:
            raise invalid("response_format.json_schema: want a schema")
        schema = wanted.json_schema.json_schema
        return OutputConfig(format=JsonFormat(type="json_schema", schema=schema))


def read_chat(raw: bytes) -> ChatRequest:
    """Read the body of `/v1/chat/completions`.

    Raises:
        ApiError: 400 with the first fault, its field first.
    """
    data = json_object(raw)
    try:
        return ChatRequest.model_validate(data)
    except ValidationError as error:
        refuse(error)


def chat_body(model: str, done: Completion) -> dict[str, Any]:
    """Return the chat completion of a finished reply."""
    choice: dict[str, Any] = {
        "index": 0,
        "message": {"role": "assistant", "content": done.text, "refusal": None},
        "finish_reason": FINISH[done.stop_reason],
        "logprobs": None,
    }
    if done.token_logprobs is not None:
        told = [
            _logprob(one) | {"top_logprobs": [_logprob(o) for o in one.get("top_logprobs", [])]}
            for one in done.token_logprobs
        ]
        choice["logprobs"] = {"content": told, "refusal": None}
    return {
        "id": f"chatcmpl-{secrets.token_hex(12)}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [choice],
        "usage": {
            "prompt_tokens": done.input_tokens,
            "completion_tokens": done.output_tokens,
            "total_tokens": done.input_tokens + done.output_tokens,
        },
    }


def chat_events(body: dict[str, Any], *, usage: bool) -> Iterator[bytes]:
    """Yield a finished completion as the API's server-sent events.

    Args:
        body: As `chat_body` returns it.
        usage: Whether a last event tells the tokens.
    """
    (choice,) = body["choices"]
    head = {key: body[key] for key in ("id", "created", "model")}
    head["object"] = "chat.completion.chunk"
    steps: list[tuple[dict[str, Any], str | None]] = [
        ({"role": "assistant", "content": ""}, None),
        ({"content": choice["message"]["content"]}, None),
        ({}, choice["finish_reason"]),
    ]
    for delta, finish in steps:
        part: dict[str, Any] = {"index": 0, "delta": delta, "finish_reason": finish}
        if "role" not in delta and delta:
            part["logprobs"] = choice["logprobs"]
        yield _event(head | {"choices": [part]})
    if usage:
        yield _event(head | {"choices": [], "usage": body["usage"]})
    yield b"data: [DONE]\n\n"


def error_body(kind: str, message: str) -> dict[str, Any]:
    """Return an error as this API tells it."""
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


def _logprob(told: Mapping[str, Any]) -> dict[str, Any]:
    return {key: told[key] for key in ("token", "logprob", "bytes")}


def _event(data: Mapping[str, Any]) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()

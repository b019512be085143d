"""The Messages API in JSON: requests read and checked, replies and errors written.

Field rules and wordings follow the API, so that what a client learns from an error here holds
there. What the embedded model cannot do is refused by name, never ignored.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Annotated, Any, Literal, NoReturn

import pydantic_core
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from distill.models.llama.engine import Completion

NO_TOOLS = "the embedded model uses no tools"
TEXT_ONLY = "the embedded model reads text only"


class ApiError(Exception):
    """An error as the API tells it.

    Args:
        status: HTTP status.
        kind: The envelope's `error.type`.
        message: The sentence.
    """

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message


def invalid(message: str) -> ApiError:
    """Return the 400 of the API."""
    return ApiError(400, "invalid_request_error", message)


def not_found(message: str) -> ApiError:
    """Return the 404 of the API."""
    return ApiError(404, "not_found_error", message)


class Strict(BaseModel):
    """Whatever is not known is refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class TextBlock(Strict):
    """A text block; a cache mark is accepted, and llama.cpp keeps prefixes anyway."""

    type: Literal["text"]
    text: str
    cache_control: dict[str, Any] | None = None


def _blocks(content: Any) -> Any:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list):
        raise ValueError("want a string or a list of text blocks")
    for block in content:
        kind = block.get("type") if isinstance(block, dict) else None
        if isinstance(kind, str) and kind != "text":
            raise ValueError(f"got a block of type {kind!r}; {TEXT_ONLY}")
    return content


Content = Annotated[list[TextBlock], BeforeValidator(_blocks)]


def _with_words(text: str) -> str:
    if not text.strip():
        raise ValueError("each stop sequence must contain non-whitespace")
    return text


StopSequence = Annotated[str, AfterValidator(_with_words)]


class Message(Strict):
    """One turn."""

    role: Literal["user", "assistant"]
    content: Content


class JsonFormat(Strict):
    """The JSON schema that the reply obeys."""

    type: Literal["json_schema"]
    json_schema: dict[str, Any] = Field(alias="schema")


class OutputConfig(Strict):
    """What shapes the output."""

    format: JsonFormat | None = None


class CountRequest(Strict):
    """The body of `/v1/messages/count_tokens`, and the prompt of `/v1/messages`."""

    model: str
    messages: list[Message] = Field(min_length=1)
    system: Content | None = None
    output_config: OutputConfig | None = None

    @model_validator(mode="after")
    def _has_words(self) -> CountRequest:
        last = len(self.messages) - 1
        for i, message in enumerate(self.messages):
            text = text_of(message.content)
            prefill = i == last and message.role == "assistant"
            if not text and not prefill:
                raise ValueError(f"messages.{i}: want non-empty content")
            if prefill and text != text.rstrip():
                raise ValueError(
                    f"messages.{i}: final assistant content cannot end with trailing whitespace"
                )
        return self

    @property
    def system_text(self) -> str | None:
        """The system prompt as one text."""
        return None if self.system is None else text_of(self.system)

    @property
    def turns(self) -> list[tuple[str, str]]:
        """(role, text) in order; consecutive turns of one role are one turn."""
        merged: list[tuple[str, str]] = []
        for message in self.messages:
            text = text_of(message.content)
            if merged and merged[-1][0] == message.role:
                text = f"{merged.pop()[1]}\n{text}"
            merged.append((message.role, text))
        return merged

    @property
    def schema_asked(self) -> dict[str, Any] | None:
        """The JSON schema of the reply, or `None`."""
        config = self.output_config
        return None if config is None or config.format is None else config.format.json_schema


class MessagesRequest(CountRequest):
    """The body of `/v1/messages`, with this server's two extensions `seed` and `label_scores`."""

    max_tokens: int = Field(ge=1)
    stop_sequences: list[StopSequence] = Field(default_factory=list)
    temperature: float = Field(default=1.0, ge=0, le=1)
    metadata: dict[str, Any] | None = None
    stream: bool = False
    seed: int | None = None
    label_scores: list[Annotated[str, Field(min_length=1)]] | None = Field(
        default=None, min_length=2
    )

    @property
    def first_logprobs(self) -> int | None:
        """How many likeliest tokens are told of each drawn one; this API has no such wish."""
        return None

    @model_validator(mode="after")
    def _scores_stand_alone(self) -> MessagesRequest:
        if self.label_scores is None:
            return self
        if len(set(self.label_scores)) < len(self.label_scores):
            raise ValueError("label_scores: labels must be distinct")
        if self.schema_asked is not None or self.stop_sequences:
            raise ValueError("label_scores: cannot stand beside output_config or stop_sequences")
        return self


def read_messages(raw: bytes) -> MessagesRequest:
    """Read the body of `/v1/messages`.

    Raises:
        ApiError: 400 with the first fault, its field first.
    """
    data = json_object(raw)
    try:
        return MessagesRequest.model_validate(data)
    except ValidationError as error:
        refuse(error)


def read_count(raw: bytes) -> CountRequest:
    """Read the body of `/v1/messages/count_tokens`.

    Raises:
        ApiError: 400 with the first fault, its field first.
    """
    data = json_object(raw)
    try:
        return CountRequest.model_validate(data)
    except ValidationError as error:
        refuse(error)


def message_body(model: str, done: Completion) -> dict[str, Any]:
    """Return the `Message` object of a finished reply."""
    body: dict[str, Any] = {
        "id": f"msg_{secrets.token_hex(12)}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": done.text}],
        "stop_reason": done.stop_reason,
        "stop_sequence": done.stop_sequence,
        "usage": {
            "input_tokens": done.input_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": done.output_tokens,
        },
    }
    if done.label_logprobs is not None:
        body["label_logprobs"] = dict(done.label_logprobs)
    return body


def message_events(message: dict[str, Any]) -> Iterator[bytes]:
    """Yield a finished message as the API's server-sent events."""
    text = message["content"][0]["text"]
    begun = message | {
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": message["usage"] | {"output_tokens": 0},
    }
    block = {"type": "content_block_start", "index": 0}
    yield _event({"type": "message_start", "message": begun})
    yield _event(block | {"content_block": {"type": "text", "text": ""}})
    if text:
        delta = {"type": "text_delta", "text": text}
        yield _event({"type": "content_block_delta", "index": 0, "delta": delta})
    yield _event({"type": "content_block_stop", "index": 0})
    end = {key: message[key] for key in ("stop_reason", "stop_sequence")}
    used = {"output_tokens": message["usage"]["output_tokens"]}
    yield _event({"type": "message_delta", "delta": end, "usage": used})
    yield _event({"type": "message_stop"})


def _event(data: dict[str, Any]) -> bytes:
    return f"event: {data['type']}\ndata: {json.dumps(data)}\n\n".encode()


def text_of(blocks: list[TextBlock]) -> str:
    """Return text blocks as one text."""
    return "\n".join(block.text for block in blocks)


def json_object(raw: bytes) -> dict[str, Any]:
    """Read a body that asks for no tools.

    Raises:
        ApiError: 400.
    """
    try:
        data = pydantic_core.from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise invalid(f"the request body is not valid JSON: {error}") from error
    if not isinstance(data, dict):
        raise invalid("the request body must be a JSON object")
    for field in ("tools", "tool_choice"):
        if data.get(field):
            raise invalid(f"{field}: {NO_TOOLS}")
    return data


def refuse(error: ValidationError) -> NoReturn:
    """Tell the first fault of a body, its field first.

    Raises:
        ApiError: 400.
    """
    fault = error.errors(include_url=False, include_context=False)[0]
    message = fault["msg"].removeprefix("Value error, ")
    where = ".".join(str(part) for part in fault["loc"])
    raise invalid(f"{where}: {message}" if where else message) from error

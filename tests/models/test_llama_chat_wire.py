"""OpenAI's chat API in JSON: what is read, what is refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from distill.models.llama.chat_wire import AskedInChat, chat_body, chat_events, read_chat
from distill.models.llama.engine import Completion
from distill.models.llama.wire import ApiError

USER = {"role": "user", "content": "Q"}
BARE = {"model": "m", "messages": [USER]}
SCHEMA = {"type": "object"}


def asked(**fields: Any) -> AskedInChat:
    return read_chat(json.dumps(BARE | fields).encode()).asked(most_tokens=99)


def test_a_chat_becomes_the_same_request_of_the_messages_api() -> None:
    turns = [
        {"role": "system", "content": "S"},
        {"role": "developer", "content": [{"type": "text", "text": "D"}]},
        USER,
        {"role": "assistant", "content": "A"},
        {"role": "user", "content": "R"},
    ]
    read = asked(messages=turns, max_tokens=7, temperature=1.5, seed=3, stop="x", stream=True)

    assert read.system_text == "S\nD"
    assert read.turns == [("user", "Q"), ("assistant", "A"), ("user", "R")]
    assert (read.max_tokens, read.temperature, read.seed) == (7, 1.5, 3)
    assert (read.stop_sequences, read.first_logprobs) == (["x"], None)


def test_what_is_not_said_is_the_api_s_default() -> None:
    read = asked()
    assert (read.max_tokens, read.temperature, read.seed, read.system_text) == (99, 1.0, None, None)
    assert asked(max_completion_tokens=5).max_tokens == 5
    assert asked(logprobs=True).first_logprobs == 0
    assert asked(logprobs=True, top_logprobs=4).first_logprobs == 4


def test_a_schema_binds_the_reply() -> None:
    named = {"name": "reply", "strict": True, "schema": SCHEMA}
    bound = asked(response_format={"type": "json_schema", "json_schema": named})
    assert bound.schema_asked == SCHEMA
    assert asked(response_format={"type": "text"}).schema_asked is None


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"n": 1, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0.0}, id="1"),
        pytest.param({"user": "me", "metadata": {"a": "b"}, "stream": None, "stop": None}, id="2"),
    ],
)
def test_what_changes_nothing_is_taken(fields: dict[str, Any]) -> None:
    assert asked(**fields).turns == [("user", "Q")]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"top_p": 0.5}, "top_p"),
        ({"n": 2}, "n:"),
        ({"frequency_penalty": 0.1}, "frequency_penalty"),
        ({"temperature": 2.5}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"logit_bias": {"1": 1}}, "logit_bias"),
        ({"tools": [{}]}, "tools"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "system", "content": "S"}]}, "turn of the user's"),
        ({"messages": [USER, {"role": "system", "content": "S"}]}, "ahead of all turns"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "image_url"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages.0: want non-empty"),
        ({"top_logprobs": 2}, "logprobs=true"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"response_format": {"type": "json_object"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "want a schema"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"stop": [" "]}, "stop_sequences"),
        ({"model": 1}, "model"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ApiError) as error:
        asked(**fields)
    assert error.value.status == 400
    assert said in error.value.message


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b'{"a": NaN}', b"\xff"])
def test_what_is_no_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(ApiError):
        read_chat(raw)


def test_a_reply_streamed_is_the_reply_whole() -> None:
    told = [{"id": 5, "token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}]
    done = Completion(
        text="a 雪",
        stop_reason="max_tokens",
        input_tokens=3,
        output_tokens=2,
        token_logprobs=told,
    )
    whole = chat_body("m", done)
    events = b"".join(chat_events(whole, usage=True)).decode().split("\n\n")[:-1]
    chunks = [json.loads(event.removeprefix("data: ")) for event in events[:-1]]

    assert events[-1] == "data: [DONE]"
    assert whole["usage"] == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    assert chunks[-1]["usage"] == whole["usage"]
    parts = [chunk["choices"][0] for chunk in chunks[:-1]]
    assert "".join(part["delta"].get("content", "") for part in parts) == "a 雪"
    assert [part["finish_reason"] for part in parts] == [None, None, "length"]
    assert whole["choices"][0]["logprobs"]["content"] == [
        {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}
    ]

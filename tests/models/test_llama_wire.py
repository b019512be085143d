"""Requests read and refused, and a finished message told as events; no model runs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from distill.models.llama.chat import IM_END, IM_START, prompt_pieces
from distill.models.llama.wire import ApiError, message_events, read_count, read_messages

HELLO = {"role": "user", "content": "Hello"}


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "m", "max_tokens": 8, "messages": [HELLO], **fields}).encode()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param({"colour": 1}, "colour: Extra inputs are not permitted", id="unknown field"),
        pytest.param({"top_k": 5}, "top_k: Extra inputs are not permitted", id="top_k"),
        pytest.param(
            {"output_config": {"effort": "low"}},
            "output_config.effort: Extra inputs are not permitted",
            id="effort",
        ),
        pytest.param(
            {"max_tokens": 0},
            "max_tokens: Input should be greater than or equal to 1",
            id="no tokens",
        ),
        pytest.param(
            {"max_tokens": True}, "max_tokens: Input should be a valid integer", id="bool as count"
        ),
        pytest.param(
            {"temperature": 1.5},
            "temperature: Input should be less than or equal to 1",
            id="temperature",
        ),
        pytest.param({"seed": 1.5}, "seed: Input should be a valid integer", id="seed"),
        pytest.param(
            {"tools": [{"name": "x"}]}, "tools: the embedded model uses no tools", id="tools"
        ),
        pytest.param(
            {"messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]},
            "messages.0.content: got a block of type 'image'; the embedded model reads text only",
            id="image",
        ),
        pytest.param(
            {"messages": [{"role": "user", "content": 3}]},
            "messages.0.content: want a string or a list of text blocks",
            id="number as content",
        ),
        pytest.param(
            {"messages": [{"role": "user", "content": ""}]},
            "messages.0: want non-empty content",
            id="empty turn",
        ),
        pytest.param(
            {"messages": [HELLO, {"role": "assistant", "content": "So "}]},
            "messages.1: final assistant content cannot end with trailing whitespace",
            id="prefill that ends in a space",
        ),
        pytest.param(
            {"stop_sequences": [" "]},
            "stop_sequences.0: each stop sequence must contain non-whitespace",
            id="blank stop sequence",
        ),
        pytest.param(
            {"label_scores": ["a", "a"]}, "label_scores: labels must be distinct", id="same labels"
        ),
        pytest.param(
            {"label_scores": ["a", ""]},
            "label_scores.1: String should have at least 1 character",
            id="empty label",
        ),
        pytest.param(
            {"label_scores": ["a"]},
            "label_scores: List should have at least 2 items after validation, not 1",
            id="one label",
        ),
        pytest.param(
            {"label_scores": ["a", "b"], "stop_sequences": ["x"]},
            "label_scores: cannot stand beside output_config or stop_sequences",
            id="labels and stop",
        ),
    ],
)
def test_a_faulty_request_is_refused_with_the_field_and_the_rule(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ApiError) as caught:
        read_messages(body(**fields))
    assert (caught.value.status, caught.value.kind) == (400, "invalid_request_error")
    assert caught.value.message == message


def test_a_missing_field_is_named() -> None:
    with pytest.raises(ApiError, match=r"^max_tokens: Field required$"):
        read_messages(json.dumps({"model": "m", "messages": [HELLO]}).encode())


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"a": NaN}', b'"\xff"'])
def test_a_body_that_is_no_json_object_is_a_400(raw: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        read_messages(raw)
    assert caught.value.status == 400


def test_absent_fields_have_the_defaults_of_the_api() -> None:
    asked = read_messages(body())
    assert (asked.temperature, asked.stream, asked.seed, asked.system_text) == (
        1,
        False,
        None,
        None,
    )


def test_turns_of_one_role_in_a_row_are_one_turn() -> None:
    turns = [HELLO, {"role": "user", "content": [{"type": "text", "text": "there"}]}]
    asked = read_count(json.dumps({"model": "m", "messages": turns}).encode())
    assert asked.turns == [("user", "Hello\nthere")]


def test_a_last_turn_of_the_assistant_is_left_open() -> None:
    assert prompt_pieces("S", [("user", "Q"), ("assistant", "So")]) == [
        *(IM_START, "system\nS", IM_END, "\n"),
        *(IM_START, "user\nQ", IM_END, "\n"),
        *(IM_START, "assistant\nSo"),
    ]


def test_the_events_of_a_message_add_up_to_it() -> None:
    message = {
        "content": [{"type": "text", "text": "Hé\n\nthere"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 2},
        "label_logprobs": {"a": -0.1},
    }
    blocks = b"".join(message_events(message)).decode().strip().split("\n\n")
    events = [json.loads(block.split("data: ", 1)[1]) for block in blocks]
    assert [block.split("\n")[0] for block in blocks] == [f"event: {e['type']}" for e in events]
    assert [event["type"] for event in events] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert events[0]["message"]["label_logprobs"] == {"a": -0.1}
    assert events[2]["delta"]["text"] == "Hé\n\nthere"
    assert events[4]["delta"]["stop_reason"] == "end_turn"

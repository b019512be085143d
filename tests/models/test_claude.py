from __future__ import annotations

import asyncio
import math
import socket
from typing import Any

import pytest
from fake_api import CUT, FakeApi
from tables import claude

from distill.errors import ModelError
from distill.ledger import canonical_json
from distill.models import Request
from distill.models.messages_api import read_message
from distill.models.protocol import FailedRequestError

BODY: dict[str, Any] = {
    "model": "claude-x",
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "One, "},
        {"type": "text", "text": "two."},
    ],
    "stop_reason": "end_turn",
    "usage": {
        "input_tokens": 10,
        "output_tokens": 5,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": None,
    },
}


def test_the_plainest_request_sends_nothing_that_was_not_asked_for() -> None:
    assert claude().wire(Request(prompt="p")) == {
        "model": "claude-opus-4-5-20251101",
        "max_tokens": 1024,
        "messages": [{"role": "user", "content": "p"}],
    }


def test_everything_that_is_set_reaches_the_wire() -> None:
    model = claude(
        max_tokens=7, effort="low", thinking={"type": "adaptive"}, temperature=0.0, model="m"
    )
    schema = {"type": "object"}
    request = Request(prompt="p", system="s", shots=(("q", "a"),), schema=schema)

    assert model.wire(request) == {
        "model": "m",
        "max_tokens": 7,
        "system": "s",
        "messages": [
            {"role": "user", "content": "q"},
            {"role": "assistant", "content": "a"},
            {"role": "user", "content": "p"},
        ],
        "output_config": {"format": {"type": "json_schema", "schema": schema}, "effort": "low"},
        "thinking": {"type": "adaptive"},
        "temperature": 0.0,
    }


def test_a_sample_is_the_same_request_asked_again() -> None:
    model = claude()
    assert model.wire(Request(prompt="p", sample=0)) == model.wire(Request(prompt="p", sample=5))


def test_a_message_is_read_text_by_text_with_all_its_tokens() -> None:
    read = read_message(BODY)

    assert (read.text, read.stop_reason, read.served_model) == ("One, two.", "end_turn", "claude-x")
    assert (read.input_tokens, read.output_tokens) == (110, 5)
    assert (read.cache_write_tokens, read.cache_read_tokens) == (0, 100)


@pytest.mark.parametrize(
    "change",
    [
        {"usage": [1]},
        {"usage": {"input_tokens": "many", "output_tokens": 1}},
        {"content": None},
        {"content": "text"},
        {"content": [{"type": "text"}]},
        {"content": [{"type": "text", "text": None}]},
        {"content": ["text"]},
    ],
)
def test_half_a_message_is_no_message(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the words are the library's or ours
        read_message(BODY | change)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([], r"it is \[\]"),
        (BODY | {"usage": {"input_tokens": 1, "output_tokens": "many"}}, "usage.output_tokens is"),
        (BODY | {"usage": {"input_tokens": 1, "output_tokens": math.nan}}, "output_tokens is nan"),
        (BODY | {"content": None}, "content is nothing"),
        (BODY | {"content": [{"type": "text", "text": 5}]}, r"content\[0\].text is 5"),
        ({key: BODY[key] for key in BODY if key != "model"}, "model is nothing"),
    ],
)
def test_what_is_wrong_with_a_message_is_told_in_a_sentence(body: Any, said: str) -> None:
    with pytest.raises(ValueError, match=f"^the reply is no Messages API response: .*{said}"):
        read_message(body)


@pytest.mark.parametrize("usage", [None, {}, {"input_tokens": None, "output_tokens": 1}])
def test_a_message_that_does_not_tell_its_tokens_is_one(usage: Any) -> None:
    read = read_message(BODY | {"usage": usage})
    assert (read.text, read.tokens_told) == ("One, two.", False)
    assert read_message(BODY).tokens_told


@pytest.mark.parametrize(
    ("settings", "served", "passes"),
    [
        ({"model": "m-1"}, "m-1", True),
        ({"model": "m-1"}, "m-2", False),
        ({"model": "m-1"}, "m-1-20251101", False),
        ({"model": "m-1", "allow_alias": True}, "m-1-20251101", True),
        ({"model": "m-1", "allow_alias": True}, "m-2", False),
        ({"model": "claude-opus-4", "allow_alias": True}, "claude-opus-4-5-20251101", False),
        ({"model": "m-1", "served_check": "record"}, "m-2", True),
    ],
)
def test_the_served_id_is_compared(settings: dict[str, Any], served: str, passes: bool) -> None:
    model = claude(**settings)
    if passes:
        model.check_served(served)
    else:
        with pytest.raises(ModelError, match=served):
            model.check_served(served)


@pytest.mark.parametrize("listens", [True, False])
def test_only_a_request_that_reached_somebody_may_have_been_billed(
    api: FakeApi, listens: bool
) -> None:
    api.teacher = lambda *_: CUT

    async def story() -> FailedRequestError:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = api.url if listens else f"http://127.0.0.1:{free.getsockname()[1]}"
            model = claude(base_url=url)
            async with model.connect("teacher") as send:
                with pytest.raises(FailedRequestError) as failed:
                    await send(canonical_json(model.wire(Request(prompt="p"))))
        return failed.value

    assert asyncio.run(story()).maybe_billed == listens

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import aiohttp
import httpx2
import pytest
from fake_api import CUT, FakeApi
from tables import claude

from distill.errors import ModelError
from distill.ledger import canonical_json
from distill.models import Request
from distill.models.messages_api import read_message, told
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
        {"usage": None},
        {"usage": {}},
        {"usage": {"input_tokens": None, "output_tokens": 1}},
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


class FakeError(Exception):
    """An error in the shape of the SDK's."""

    def __init__(
        self, status: int | None, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__("words of the SDK")
        self.status_code, self.body, self.request_id = status, body, "req_1"
        self.message = "words of the SDK"
        self.response = None if status is None else SimpleNamespace(headers=headers or {})


@pytest.mark.parametrize(
    ("status", "retry", "overloaded", "fatal"),
    [
        (400, False, False, False),
        (401, False, False, True),
        (403, False, False, True),
        (404, False, False, False),
        (408, True, False, False),
        (429, True, True, False),
        (500, True, False, False),
        (529, True, True, False),
        (None, True, True, False),
    ],
)
def test_an_error_is_told_with_status_and_request(
    status: int | None, retry: bool, overloaded: bool, fatal: bool
) -> None:
    error = told(FakeError(status, {"error": {"message": "words of the API"}}))

    assert "request req_1" in error.detail
    assert "words of the API" in error.detail
    assert (error.retry, error.overloaded, error.fatal) == (retry, overloaded, fatal)
    assert str(status or "FakeError") in error.detail


@pytest.mark.parametrize(("says", "retry"), [("true", True), ("false", False)])
def test_the_providers_word_on_another_attempt_comes_before_the_status(
    says: str, retry: bool
) -> None:
    for status in (400, 500):
        assert told(FakeError(status, headers={"x-should-retry": says})).retry == retry


@pytest.mark.parametrize(
    ("status", "cause", "maybe"),
    [
        pytest.param(400, None, False, id="turned away"),
        pytest.param(429, None, False, id="too many"),
        pytest.param(500, None, False, id="failed"),
        pytest.param(504, None, True, id="a gateway gave up"),
        pytest.param(None, aiohttp.ServerDisconnectedError(), True, id="it hung up"),
        pytest.param(None, aiohttp.ClientOSError(104, "reset"), True, id="it was cut"),
        pytest.param(None, aiohttp.SocketTimeoutError(), True, id="no answer came"),
        pytest.param(None, aiohttp.ConnectionTimeoutError(), False, id="nobody was reached"),
    ],
)
def test_what_was_sent_and_not_turned_away_may_have_been_billed(
    status: int | None, cause: Exception | None, maybe: bool
) -> None:
    error = FakeError(status)
    # The SDK's transport says the same of all of them.
    error.__cause__ = httpx2.ConnectError("as it is told")
    error.__cause__.__cause__ = cause

    assert told(error).maybe_billed == maybe


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


@pytest.mark.parametrize("body", [None, "text", {}, {"error": "text"}, {"error": {}}])
def test_an_error_without_an_envelope_is_told_in_the_sdks_words(body: Any) -> None:
    assert "words of the SDK" in told(FakeError(500, body)).detail

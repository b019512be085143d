"""The promises that every provider keeps; its choices are found by globbing `conf/teacher`."""

from __future__ import annotations

import asyncio
import copy
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from dialects import ANTHROPIC_LIMITS, OPENAI_LIMITS, Chat, Messages
from raw_server import Answer, RawServer, as_json, raw_server
from rich.console import Console

from distill.build import instantiate
from distill.config import compose
from distill.errors import DistillError
from distill.ledger import Ledger, canonical_json
from distill.models import Failure, Model, Reply, Request
from distill.models.budget import Budget
from distill.models.client import ModelClient
from distill.models.limits import read_allowances
from distill.models.protocol import FailedRequestError, Sent
from distill.paths import conf_dir
from distill.progress import Progress

pytest.importorskip("openai", reason="the extra `openai` is not installed")
# A classifier of an earlier run is asked in this process: there is no protocol to keep.
OFFLINE = {"trained"}
CHOICES = sorted({file.stem for file in (conf_dir() / "teacher").glob("*.yaml")} - OFFLINE)
SECRET = "sk-planted-0123456789abcdef"
SCHEMA = {"type": "object", "properties": {"label": {"type": "string"}}}
REQUESTS = (
    Request(prompt="Why?"),
    Request(prompt='雪 🙂 \u2028 " \\ \x00', system="Be brief.", shots=(("q", "a"),)),
    Request(prompt="Which?", schema=SCHEMA),
)


@cache
def node_of(choice: str) -> dict[str, Any]:
    """Return the composed config of a choice, a model named where it names none."""
    node: dict[str, Any] = compose(["seeds.path=-", f"teacher={choice}"])["teacher"]
    return node | ({"model": "some-model"} if node["model"] == "???" else {})


@dataclass
class Endpoint:
    """One choice of teacher, pointed at a server that speaks its protocol."""

    choice: str
    server: RawServer

    @property
    def dialect(self) -> Messages | Chat:
        """The protocol."""
        is_chat = node_of(self.choice)["_target_"].endswith("OpenAICompatible")
        return Chat() if is_chat else Messages()

    def model(self, **changes: Any) -> Model:
        """Return the model."""
        faults: list[Any] = []
        here = {"base_url": f"{self.server.url}{self.dialect.below}", "max_retries": 0}
        made = instantiate(node_of(self.choice) | here | changes, "teacher", faults)
        assert not faults, faults
        assert isinstance(made, Model)
        return made

    def body(self, text: str = "Because.", **changes: Any) -> dict[str, Any]:
        """Return a response in the protocol."""
        return self.dialect.body(text, node_of(self.choice)["model"], **changes)

    def answers(self, answer: Answer) -> None:
        """Let the server answer everything that is asked of the model with `answer`."""
        self.server.post = lambda _: answer

    def send(self, request: Request = REQUESTS[0], **changes: Any) -> Sent:
        """Open the way, send one request once and close it."""
        model = self.model(**changes)

        async def once() -> Sent:
            async with model.connect("teacher") as send:
                return await send(canonical_json(model.wire(request)))

        return asyncio.run(once())

    def fails(self, **changes: Any) -> FailedRequestError:
        """Send one request that must fail."""
        with pytest.raises(FailedRequestError) as failed:
            self.send(**changes)
        return failed.value


@pytest.fixture(params=CHOICES)
def endpoint(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    variable = node_of(request.param)["api_key_env"]
    if variable is not None:
        monkeypatch.setenv(variable, SECRET)
    with raw_server() as server:
        made = Endpoint(request.param, server)
        made.answers(as_json(made.body(), **{made.dialect.id_header: "req_1"}))
        yield made


@pytest.mark.parametrize("request_", REQUESTS)
def test_what_is_sent_is_the_canonical_json_and_the_answer_is_read(
    endpoint: Endpoint, request_: Request
) -> None:
    model = endpoint.model()
    sent = endpoint.send(request_)
    (asked,) = endpoint.server.posts
    reply = model.read(sent.body)

    assert asked.raw == canonical_json(model.wire(request_)).encode()
    assert asked.path == endpoint.dialect.path
    assert asked.headers["content-type"] == "application/json"
    assert sent.request_id == "req_1"
    assert (reply.text, reply.stop_reason) == ("Because.", "end_turn")
    assert (reply.input_tokens, reply.output_tokens) == (7, 3)
    model.check_served(reply.served_model)


def test_the_key_is_in_its_header_and_nowhere_else(endpoint: Endpoint) -> None:
    endpoint.send()
    (asked,) = endpoint.server.posts
    carrying = {name for name, value in asked.headers.items() if SECRET in value}

    assert carrying == ({"authorization"} if _has_key(endpoint) else set())
    assert SECRET.encode() not in asked.raw


def _has_key(endpoint: Endpoint) -> bool:
    return node_of(endpoint.choice)["api_key_env"] is not None


@pytest.mark.parametrize("stop", ["refusal", "max_tokens"])
def test_stops_have_the_same_names_everywhere(endpoint: Endpoint, stop: str) -> None:
    endpoint.answers(as_json(endpoint.body("I", stop=stop)))
    assert endpoint.model().read(endpoint.send().body).stop_reason == stop


def test_a_reply_without_text_is_an_empty_text(endpoint: Endpoint) -> None:
    endpoint.answers(as_json(endpoint.body("")))
    assert endpoint.model().read(endpoint.send().body).text == ""


@pytest.mark.parametrize(
    ("status", "retry", "overloaded", "fatal"),
    [
        (400, False, False, False),
        (401, False, False, True),
        (403, False, False, True),
        (404, False, False, False),
        (429, True, True, False),
        (500, True, False, False),
        (503, True, True, False),
    ],
)
def test_a_refusal_is_told_in_the_providers_words(
    endpoint: Endpoint, status: int, retry: bool, overloaded: bool, fatal: bool
) -> None:
    words = f"words of the endpoint about {node_of(endpoint.choice)['model']}"
    ids = {endpoint.dialect.id_header: "req_9"}
    endpoint.answers(as_json(endpoint.dialect.error(words), status, **ids))
    error = endpoint.fails()

    assert (error.retry, error.overloaded, error.fatal) == (retry, overloaded, fatal)
    assert error.detail == f"HTTP {status}, {words}, request req_9"


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>bad gateway</html>", b"[]", b"null", b'"text"', b'{"error": null}', b"\xff"],
)
def test_a_refusal_without_an_envelope_is_a_failure_with_its_status(
    endpoint: Endpoint, body: bytes
) -> None:
    endpoint.answers(Answer(502, body))
    assert endpoint.fails().detail.startswith("HTTP 502")


@pytest.mark.parametrize("family", [ANTHROPIC_LIMITS, OPENAI_LIMITS], ids=["anthropic", "openai"])
@pytest.mark.parametrize(
    ("header", "value", "seconds"), [("retry-after", "7", 7.0), ("retry-after-ms", "1500", 1.5)]
)
def test_a_full_endpoint_says_for_how_long_and_what_it_allows(
    endpoint: Endpoint, family: dict[str, str], header: str, value: str, seconds: float
) -> None:
    headers = {header: value, **family}
    endpoint.answers(as_json(endpoint.dialect.error("slow down"), 429, **headers))
    error = endpoint.fails()

    assert error.retry_after_s == seconds
    _check_limits(read_allowances(error.headers))


def test_limits_are_read_from_every_answer(endpoint: Endpoint) -> None:
    endpoint.answers(as_json(endpoint.body(), **endpoint.dialect.limits))
    _check_limits(read_allowances(endpoint.send().headers))


def _check_limits(found: Any) -> None:
    assert (found["requests"].limit, found["requests"].remaining) == (50, 49)
    assert (found["input_tokens"].limit, found["input_tokens"].remaining) == (30000, 29000)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(cut="before"), id="reset"),
        pytest.param(Answer(body=b'{"model": "some', cut="half"), id="half a body"),
        pytest.param(Answer(body=b"<html>welcome</html>"), id="not JSON"),
        pytest.param(Answer(body=b""), id="nothing"),
        pytest.param(Answer(body=b"\xff\xfe"), id="not UTF-8"),
        pytest.param(Answer(body=b"[" * 200_000 + b"]" * 200_000), id="nested too deep"),
    ],
)
def test_what_a_bad_line_does_may_go_better_the_next_time(
    endpoint: Endpoint, answer: Answer
) -> None:
    endpoint.answers(answer)
    error = endpoint.fails()

    assert error.retry
    assert not error.fatal


def test_a_server_that_is_not_there_is_told_by_its_address(endpoint: Endpoint) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        error = endpoint.fails(base_url=f"http://127.0.0.1:{port}{endpoint.dialect.below}")

    assert f"Cannot connect to host 127.0.0.1:{port}" in error.detail
    assert error.retry


def test_a_huge_answer_is_read_whole(endpoint: Endpoint) -> None:
    text = "word " * 2_000_000
    endpoint.answers(as_json(endpoint.body(text)))
    assert endpoint.model().read(endpoint.send().body).text == text


@pytest.mark.parametrize("text", ["雪 🙂 ÄÖÜ \u2028", "half a pair \ud83d", "\x00 \x1b[31m"])
def test_every_text_comes_through_the_ledger(endpoint: Endpoint, tmp_path: Path, text: str) -> None:
    endpoint.answers(as_json(endpoint.body(text)))
    (outcome,) = _asked(endpoint, tmp_path)

    assert isinstance(outcome, Reply), outcome
    assert outcome.text == text.encode("utf-8", "replace").decode()


@pytest.mark.parametrize("body", [[], "text", 5, None, {}, {"error": {"message": "no"}}])
def test_what_is_no_response_of_the_provider_is_a_failed_row(
    endpoint: Endpoint, tmp_path: Path, body: Any
) -> None:
    endpoint.answers(as_json(body))
    answered = as_json(endpoint.body())
    endpoint.server.post = lambda asked: as_json(body) if b"Which?" in asked.raw else answered
    outcomes = _asked(endpoint, tmp_path, *(replace(one, sample=0) for one in REQUESTS))

    assert [type(outcome) for outcome in outcomes] == [Reply, Reply, Failure]


def _asked(endpoint: Endpoint, folder: Path, *requests: Request) -> list[Any]:
    with Ledger(str(folder / "ledger.db"), synchronous="NORMAL") as ledger:
        client = ModelClient(ledger, Budget(None), Progress(Console(quiet=True)))
        asked = requests or (REQUESTS[0],)
        return list(client.ask("teacher", endpoint.model(), asked))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
def test_a_key_that_an_endpoint_repeats_stands_in_no_message(
    endpoint: Endpoint, status: int
) -> None:
    words = f"Incorrect API key provided: {SECRET}."
    refused = as_json(endpoint.dialect.error(words), status)
    endpoint.answers(refused)
    endpoint.server.get = lambda _: refused
    with pytest.raises((FailedRequestError, DistillError)) as failed:
        endpoint.send()

    if _has_key(endpoint):
        assert SECRET not in f"{failed.value} {failed.value!r}"
    else:
        assert not any(SECRET in str(one.headers) for one in endpoint.server.asked)


def test_a_redirection_takes_neither_the_key_nor_the_prompt_elsewhere(endpoint: Endpoint) -> None:
    with raw_server() as elsewhere:
        elsewhere.post = lambda _: as_json(endpoint.body())
        there = f"{elsewhere.url}{endpoint.dialect.path}"
        endpoint.answers(Answer(307, b"{}", {"location": there}))
        assert endpoint.fails().detail.startswith("HTTP 307")

    assert elsewhere.asked == []


def test_the_words_of_an_endpoint_are_one_short_line(endpoint: Endpoint) -> None:
    endpoint.answers(as_json(endpoint.dialect.error("\x1b[31mred\n" * 10_000), 500))
    detail = endpoint.fails().detail

    assert len(detail) < 1000
    assert detail.isprintable()


def test_what_is_sent_depends_on_the_request_alone(endpoint: Endpoint) -> None:
    model = endpoint.model()
    for request in REQUESTS:
        before = copy.deepcopy(request)
        first = canonical_json(model.wire(request))
        model.wire(REQUESTS[0])["messages"].append("a stray turn")
        assert canonical_json(model.wire(request)) == first
        assert request == before
        again = canonical_json(model.wire(replace(request, sample=3)))
        seeded = getattr(model, "seed", None) is not None
        assert (again != first) == seeded


JUNK = (None, True, -1, 1e308, float("nan"), float("inf"), 10**400, "", "x", [], [[]], {}, {"a": 1})


def test_reading_what_is_broken_raises_nothing_but_a_value_error(endpoint: Endpoint) -> None:
    model = endpoint.model()
    broken = [{}, *JUNK]
    body = endpoint.body()
    if "choices" in body:
        told = {"token": "x", "logprob": -0.1, "bytes": [120]}
        body["choices"][0]["logprobs"] = {"content": [told | {"top_logprobs": [told]}]}
    model.read(body)
    for path in _paths(body):
        for junk in JUNK:
            broken.append(_with(body, path, junk))
    for one in broken:
        try:
            reply = model.read(one)  # type: ignore[arg-type]
        except ValueError:
            continue
        assert isinstance(reply.text, str)
        assert isinstance(reply.served_model, str)
        assert isinstance(reply.input_tokens, int)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to everything inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in inner:
        yield (*path, key)
        if isinstance(child, dict | list):
            yield from _paths(child, (*path, key))


def _with(value: Any, path: tuple[Any, ...], junk: Any) -> Any:
    """Return a copy in which something stands in the place that a path leads to."""
    made = json.loads(json.dumps(value))
    place = made
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = junk
    return made


def test_the_host_stands_in_nothing_that_is_kept(endpoint: Endpoint) -> None:
    model = endpoint.model()

    assert "127.0.0.1" not in model.namespace + canonical_json(model.wire(REQUESTS[0]))
    assert model.namespace == endpoint.model(base_url="http://elsewhere.example").namespace

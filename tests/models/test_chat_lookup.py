"""Before the first request: is the model there, and whom is the key shown to?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from raw_server import Answer, RawServer, as_json, raw_server
from workbench import Workbench

from distill.config import compose
from distill.errors import ModelError
from distill.models import OpenAICompatible, Request
from distill.models.messages_api import told
from distill.models.protocol import FailedRequestError

pytest.importorskip("openai", reason="the extra `openai` is not installed")
NAMES = ["gpt-9-mini-2026-01-01", "gpt-9-2026-01-01", "embedding-3"]


@pytest.fixture
def server() -> Iterator[RawServer]:
    with raw_server() as served:
        yield served


def model(server: RawServer | None, choice: str = "openai", **changes: Any) -> OpenAICompatible:
    node = compose(["seeds.path=-", f"teacher={choice}", "teacher.model=gpt-9-mini"])["teacher"]
    del node["_target_"]
    here = {} if server is None else {"base_url": f"{server.url}/v1"}
    return OpenAICompatible(**(node | here | changes))


def opened(model: OpenAICompatible, name: str = "teacher") -> None:
    async def once() -> None:
        async with model.connect(name):
            pass

    asyncio.run(once())


def listing(*names: str, one: Answer | None = None) -> Any:
    """Answer `/models` with a list, and everything below it with `one`."""
    cards = {"object": "list", "data": [{"id": name, "object": "model"} for name in names]}
    missing = as_json({"error": {"message": "no such model", "code": "model_not_found"}}, 404)
    return lambda asked: as_json(cards) if asked.path == "/v1/models" else one or missing


def test_a_model_that_the_endpoint_has_is_looked_up_once(server: RawServer) -> None:
    server.get = lambda _: as_json({"id": "gpt-9-mini", "object": "model"})
    opened(model(server))
    assert [asked.path for asked in server.asked] == ["/v1/models/gpt-9-mini"]


@pytest.mark.parametrize("name", ["teacher", "judge"])
def test_a_model_that_is_not_there_is_told_with_near_names(server: RawServer, name: str) -> None:
    server.get = listing(*NAMES)
    with pytest.raises(ModelError) as failed:
        opened(model(server), name)

    message = str(failed.value)
    assert f"{name}.model: the endpoint does not know 'gpt-9-mini'." in message
    assert "'gpt-9-mini-2026-01-01', 'gpt-9-2026-01-01', …" in message
    key = "teacher" if name == "teacher" else "judge.via"
    assert f"{key}.served_check=record" in message
    assert server.posts == []


@pytest.mark.parametrize(
    "listed",
    [
        pytest.param(["gpt-9-mini"], id="listed"),
        pytest.param(["models/gpt-9-mini"], id="with Google's prefix"),
        pytest.param([], id="an empty list"),
    ],
)
def test_a_list_is_enough_for_endpoints_that_tell_of_no_single_model(
    server: RawServer, listed: list[str]
) -> None:
    server.get = listing(*listed)
    opened(model(server))
    assert server.asked[-1].path == "/v1/models"


def test_an_alias_of_a_listed_model_is_there(server: RawServer) -> None:
    cards = {"data": [{"id": "/models/x.gguf", "aliases": ["gpt-9-mini"]}]}
    server.get = lambda asked: as_json(cards) if asked.path == "/v1/models" else Answer(404, b"{}")
    opened(model(server))
    assert server.asked[-1].path == "/v1/models"


def test_a_gateway_of_other_names_is_asked_where_it_may_rename(server: RawServer) -> None:
    server.get = listing(*NAMES)
    opened(model(server, served_check="record"))


@pytest.mark.parametrize(
    "answer",
    [
        Answer(404, b"{}"),
        Answer(403, b'{"error": {"message": "missing scope: api.model.read"}}'),
        Answer(500, b"oops"),
        Answer(200, b"<html>"),
        Answer(200, b"[]"),
        Answer(200, b'{"data": 5}'),
        Answer(200, b'{"data": [5, null, {"id": 3}]}'),
        Answer(cut="before"),
    ],
)
def test_an_endpoint_that_cannot_say_is_no_fault(server: RawServer, answer: Answer) -> None:
    server.get = lambda _: answer
    opened(model(server))
    server.get = lambda asked: answer if asked.path == "/v1/models" else Answer(404, b"{}")
    opened(model(server))
    assert server.asked[-1].path == "/v1/models"


def test_a_refused_key_is_told_before_anything_is_asked(
    server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-1")
    server.get = lambda _: as_json({"error": {"message": "bad key sk-planted-1"}}, 401)
    with pytest.raises(ModelError, match=r"teacher: the endpoint refused the key \(HTTP 401") as no:
        opened(model(server))
    assert "sk-planted-1" not in str(no.value)


def test_an_endpoint_without_a_url_is_never_taken_for_openai() -> None:
    with pytest.raises(ModelError, match=r"teacher\.base_url: got nothing"):
        opened(model(None, "gemini", base_url=None, api_key_env=None))


def test_a_host_of_the_environment_that_no_config_names_is_not_asked(
    server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A config that was composed before the variable was set, as a stored one is.
    stray = model(None, base_url=None, timeout_s=1)
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-1")
    # Nothing leaves this machine: whatever is asked goes to a proxy that is not there.
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    opened(stray)
    assert server.asked == []


def test_openais_own_headers_are_shown_to_no_other_endpoint(
    server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-planted")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-planted")
    opened(model(server))
    assert not any("planted" in str(asked.headers) for asked in server.asked)


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "the words", "type": "t", "code": None}},
        {"object": "error", "message": "the words", "code": 400},
        [{"error": {"code": 400, "message": "the words", "status": "INVALID_ARGUMENT"}}],
    ],
    ids=["OpenAI", "flat", "Google"],
)
def test_every_known_envelope_of_an_error_is_read(server: RawServer, body: Any) -> None:
    server.post = lambda _: as_json(body, 400)
    with pytest.raises(FailedRequestError, match=r"^HTTP 400, the words$"):
        _sent(model(server))


def test_an_account_without_money_stops_the_run_at_once(server: RawServer) -> None:
    spent = {"error": {"message": "quota", "code": "insufficient_quota"}}
    server.post = lambda _: as_json(spent, 429, **{"x-should-retry": "true"})
    with pytest.raises(FailedRequestError) as failed:
        _sent(model(server))
    assert (failed.value.fatal, failed.value.retry) == (True, False)


def test_words_of_an_error_without_a_body_are_the_sdks() -> None:
    assert told(ValueError("lost")).detail == "ValueError, lost"


def test_another_model_than_the_one_asked_for_stops_the_run_and_says_how_to_go_on(
    bench: Workbench,
) -> None:
    from fake_api import Message

    bench.api.teacher = lambda *_: Message("Fine.", model="renamed")
    asked = [
        *bench.words("teacher=vllm", "teacher.model=m", "judge=none", "filter=none"),
        f"teacher.base_url={bench.api.url}/v1",
    ]
    ended = bench.main(asked)
    assert ended.status == 1
    assert "served 'renamed' instead" in ended.err
    assert "teacher.served_check=record" in ended.err

    assert bench.main([*asked, "teacher.served_check=record"]).status == 0
    assert bench.manifest["teacher"]["served"] == ["renamed"]


@pytest.mark.parametrize("served", ["gpt-9-mini", "models/gpt-9-mini"])
def test_googles_resource_name_is_the_model_itself(served: str) -> None:
    asked = model(None)
    asked.check_served(served)
    model(None, model="models/gpt-9-mini").check_served(served)
    with pytest.raises(ModelError):
        asked.check_served(f"tunedModels/{served}")


def _sent(model: OpenAICompatible) -> None:
    async def once() -> None:
        async with model.connect("teacher") as send:
            await send(json.dumps(model.wire(Request(prompt="p"))))

    asyncio.run(once())

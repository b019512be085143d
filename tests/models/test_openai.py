from __future__ import annotations

from typing import Any

import pytest
from fake_api import Message, Status
from workbench import QUESTIONS, Workbench

from distill.config import compose
from distill.models import OpenAICompatible, Request

pytest.importorskip("openai", reason="the extra `openai` is not installed")
JUDGED_BY_OPENAI = ("teacher@judge.via=openai", "judge.model=judge-1")


def openai(**changes: Any) -> OpenAICompatible:
    node = compose(["seeds.path=-", "teacher=openai", "teacher.model=some-model"])["teacher"]
    del node["_target_"]
    return OpenAICompatible(**(node | changes))


def words(bench: Workbench, *overrides: str) -> list[str]:
    return [
        *bench.words("teacher=openai", "teacher.model=some-model"),
        f"teacher.base_url={bench.api.url}/v1",
        *overrides,
    ]


def test_an_openai_teacher_and_a_claude_judge_work_together(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai-planted")
    judge = (f"judge.base_url={bench.api.url}", "judge.via.max_retries=0")
    ended = bench.main(words(bench, *judge))

    assert ended.status == 0, ended.err
    assert bench.manifest["rows"] == len(QUESTIONS)
    assert bench.manifest["teacher"]["served"] == ["some-model"]
    assert bench.manifest["teacher"]["cost_usd"] is None
    assert bench.manifest["teacher"]["output_tokens"] > 0
    sent = [seen for seen in bench.api.seen if seen.kind == "teacher"]
    assert {seen.path for seen in sent} == {"/v1/chat/completions"}
    for seen in sent:
        lowered = {name.lower(): value for name, value in seen.headers.items()}
        assert lowered["authorization"] == "Bearer sk-openai-planted"
        assert not {"temperature", "top_p", "seed"} & set(seen.body)
        assert seen.body["max_completion_tokens"] == 1024
    assert not any(b"sk-openai-planted" in data for data in bench.files().values())

    bench.api.forget()
    assert bench.main(words(bench, *judge)).status == 0
    assert bench.api.count() == 0


def test_a_judge_can_be_of_another_provider(bench: Workbench) -> None:
    judge = (*JUDGED_BY_OPENAI, f"judge.base_url={bench.api.url}/v1")
    ended = bench.main(bench.words(*judge))

    assert ended.status == 0, ended.err
    assert bench.manifest["judge"]["served"] == ["judge-1"]
    body = bench.api.bodies("judge")[0]
    assert body["response_format"]["json_schema"]["strict"] is True
    assert bench.manifest["rows"] == len(QUESTIONS)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (Message("cut", stop_reason="max_tokens"), "max_tokens"),
        (Message("no", stop_reason="refusal"), "refusal"),
        (Message(""), "empty"),
        (Status(500), "error"),
    ],
)
def test_stops_and_failures_have_the_same_names_everywhere(
    bench: Workbench, told: Any, reason: str
) -> None:
    bench.api.teacher = lambda prompt, *_: told if "metals" in prompt else "fine"
    ended = bench.main(words(bench, "judge=none", "filter=none"))

    assert ended.status == 0, ended.err
    assert bench.reasons == {"s3": f"generate/{reason}"}


def test_a_refused_key_ends_in_a_sentence(bench: Workbench) -> None:
    bench.api.teacher = lambda *_: Status(401, "no such key")
    ended = bench.main(words(bench, "judge=none"))

    assert ended.status in {1, 2}
    assert "no such key" in ended.err
    assert not ended.has_traceback


def test_a_request_in_the_words_of_the_chat_api() -> None:
    request = Request(prompt="p", system="s", shots=(("q", "a"),), sample=2)
    body = openai(temperature=0.0, seed=10, max_tokens_field="max_tokens").wire(request)

    assert body == {
        "model": "some-model",
        "max_tokens": 1024,
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": "q"},
            {"role": "assistant", "content": "a"},
            {"role": "user", "content": "p"},
        ],
        "temperature": 0.0,
        "seed": 12,
    }


def test_an_endpoint_is_named_and_its_host_is_not() -> None:
    here, there = openai(base_url="http://a"), openai(base_url="http://b")
    assert here.namespace == there.namespace
    assert openai(base_url="http://a", endpoint="vllm").namespace != here.namespace


GOOD = {"finish_reason": "stop", "message": {"content": "x"}}


@pytest.mark.parametrize(
    ("choice", "stop"),
    [
        ({"finish_reason": "stop", "message": {"content": "x"}}, "end_turn"),
        ({"finish_reason": "length", "message": {"content": "x"}}, "max_tokens"),
        ({"finish_reason": "content_filter", "message": {"content": None}}, "refusal"),
        ({"finish_reason": "stop", "message": {"content": None, "refusal": "no"}}, "refusal"),
        ({"finish_reason": "tool_calls", "message": {"content": None}}, "tool_calls"),
    ],
)
def test_finish_reasons_are_read_in_one_language(choice: dict[str, Any], stop: str) -> None:
    read = openai().read({"model": "m", "choices": [choice]})
    assert (read.stop_reason, read.input_tokens) == (stop, 0)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([], r"it is \[\]"),
        ({"model": "m", "choices": []}, r"choices\[0\] is nothing"),
        ({"model": "m", "choices": [{"finish_reason": "stop"}]}, "message is nothing"),
        ({"model": "m", "choices": [GOOD], "usage": []}, None),
        ({"model": "m", "choices": [GOOD], "usage": [1]}, r"usage is \[1\]"),
        ({"model": 5, "choices": [GOOD]}, "model is 5"),
    ],
)
def test_what_is_wrong_with_a_completion_is_told_in_a_sentence(body: Any, said: str | None) -> None:
    if said is None:
        assert not openai().read(body).tokens_told
        return
    with pytest.raises(ValueError, match=f"^the reply is no chat completion: .*{said}$"):
        openai().read(body)

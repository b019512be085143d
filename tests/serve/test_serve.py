"""`distill serve`, as a process, asked by the official SDKs and by distill itself."""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from served import TAUGHT, write_student
from workbench import REPOSITORY, Workbench

from distill.students import Classifier, Examples
from distill.students.lm.base import NEEDED

SERVING = ("xllamacpp", "uvicorn", "starlette", "aiohttp")
pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in SERVING),
    reason="the extra `local` is not installed",
)
trains = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in NEEDED),
    reason="the extra `train` is not installed",
)
LABELS = ("news", "sport")
TEXTS = {
    "parliament voted on the budget law": "news",
    "the minister signed a treaty": "news",
    "the striker scored a late goal": "sport",
    "the team won the cup final": "sport",
}


@dataclass
class Server:
    """A running `distill serve`."""

    process: subprocess.Popen[str]
    model: str
    url: str

    @property
    def address(self) -> str:
        return self.url.removeprefix("http://")

    def raw(self, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(self.address, timeout=60)
        data = None if body is None else json.dumps(body)
        connection.request("GET" if body is None else "POST", path, data, headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
        connection.close()
        return response.status, answer

    def end(self) -> tuple[int, str]:
        """Press Ctrl-C and return status and standard error."""
        self.process.send_signal(signal.SIGINT)
        _, err = self.process.communicate(timeout=60)
        return self.process.returncode, err


@contextmanager
def serving(folder: Path, *flags: str) -> Iterator[Server]:
    paths = [str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]
    process = subprocess.Popen(
        [sys.executable, "-m", "distill", "serve", str(folder), "--port", "0", *flags],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        told = [process.stdout.readline() for _ in range(6)]
        if not told[0]:
            pytest.fail(f"did not start: {process.communicate()[1]}")
        yield Server(process, told[0].partition(":")[0], told[1].split()[-1])
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Return the folder of a language model, and what it answers by itself."""
    work = tmp_path_factory.mktemp("student")
    made = write_student(work / "student", work)
    return work / "student", made.answer(list(TAUGHT))


@pytest.fixture(scope="module")
def server(student: tuple[Path, list[str]]) -> Iterator[Server]:
    with serving(student[0]) as running:
        yield running


@pytest.fixture
def classifier(tmp_path: Path) -> Path:
    fitted = Classifier(
        algorithm="complement_nb",
        targets="soft",
        temperature=1.0,
        real_weight=1.0,
        regularisation=1.0,
        max_ngram=1,
        min_texts=1,
        sublinear=True,
        min_target=0.001,
    ).fit(
        Examples(
            questions=tuple(TEXTS),
            answers=tuple(TEXTS.values()),
            real=np.zeros(len(TEXTS), dtype=np.bool_),
            labels=LABELS,
            label_probs=np.eye(2)[[LABELS.index(label) for label in TEXTS.values()]],
        ),
        seed=0,
    )
    (tmp_path / "run" / "student").mkdir(parents=True)
    fitted.save(tmp_path / "run" / "student")
    return tmp_path / "run"


@trains
def test_both_official_clients_get_what_the_student_answers_by_itself(
    server: Server, student: tuple[Path, list[str]]
) -> None:
    from anthropic import Anthropic

    openai = pytest.importorskip("openai")
    own = student[1]
    assert own == list(TAUGHT.values())
    with Anthropic(api_key="any", base_url=server.url, max_retries=0) as sdk:
        messages = [
            sdk.messages.create(
                model=server.model,
                max_tokens=24,
                messages=[{"role": "user", "content": question}],
                extra_body={"temperature": 0},
            )
            for question in TAUGHT
        ]
    with openai.OpenAI(api_key="any", base_url=f"{server.url}/v1", max_retries=0) as sdk:
        assert [model.id for model in sdk.models.list()] == [server.model]
        chats = [
            sdk.chat.completions.create(
                model=server.model,
                temperature=0,
                messages=[{"role": "user", "content": question}],
            )
            for question in TAUGHT
        ]
        streamed = sdk.chat.completions.create(
            model=server.model,
            temperature=0,
            stream=True,
            messages=[{"role": "user", "content": next(iter(TAUGHT))}],
        )
        parts = [chunk.choices[0].delta.content or "" for chunk in streamed]

    assert [message.content[0].text for message in messages] == own
    assert [chat.choices[0].message.content for chat in chats] == own
    assert {chat.choices[0].finish_reason for chat in chats} == {"stop"}
    assert "".join(parts) == own[0]
    for message, chat in zip(messages, chats, strict=True):
        assert message.usage.input_tokens == chat.usage.prompt_tokens


@trains
def test_token_logprobs_are_told_and_the_likeliest_first(server: Server) -> None:
    body = {
        "model": server.model,
        "messages": [{"role": "user", "content": next(iter(TAUGHT))}],
        "logprobs": True,
        "top_logprobs": 3,
        "max_tokens": 1,
        "temperature": 0,
    }
    status, answer = server.raw("/v1/chat/completions", body)

    assert status == 200
    (first,) = answer["choices"][0]["logprobs"]["content"]
    told = [one["logprob"] for one in first["top_logprobs"]]
    assert told == sorted(told, reverse=True)
    assert len(told) == 3
    assert first["logprob"] == told[0]


@trains
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions"])
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "evil.example:80"])
def test_a_foreign_host_header_is_refused_on_every_way_in(
    server: Server, path: str, host: str
) -> None:
    status, answer = server.raw(path, {}, Host=host)
    assert status == 403
    assert "Host header" in answer["error"]["message"]


@trains
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_a_web_page_of_another_origin_is_refused(server: Server, origin: str) -> None:
    assert server.raw("/v1/models", Origin=origin)[0] == 403
    assert server.raw("/v1/models", Origin=server.url)[0] == 200


@trains
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions"])
def test_an_error_comes_in_the_envelope_of_its_api(server: Server, path: str) -> None:
    body = {"model": "x", "max_tokens": 1, "messages": [{"role": "user", "content": "Q"}]}
    status, answer = server.raw(path, body)
    assert status == 404
    assert ("type" in answer) == (path == "/v1/messages")
    assert answer["error"]["message"] == "model: x"


@trains
def test_a_student_is_exported_once_and_ctrl_c_ends_cleanly(
    student: tuple[Path, list[str]], server: Server
) -> None:
    folder = student[0]
    before = (folder / "model.gguf").stat().st_mtime_ns
    with serving(folder, "--name", "mine") as second:
        assert second.model == "mine"
        assert second.raw("/v1/models")[1]["data"][0]["id"] == "mine"
        status, err = second.end()

    assert (status, err.strip()) == (130, "distill: stopped.")
    assert (folder / "model.gguf").stat().st_mtime_ns == before
    assert server.model.startswith("student-")


def test_a_classifier_answers_with_its_label_and_its_probabilities(classifier: Path) -> None:
    with serving(classifier) as server:
        question = next(iter(TEXTS))
        turn = [{"role": "user", "content": question}]
        _, chat = server.raw(
            "/v1/chat/completions", {"model": server.model, "messages": turn, "temperature": 0}
        )
        scored = {"model": server.model, "max_tokens": 9, "messages": turn}
        _, told = server.raw("/v1/messages", scored | {"label_scores": list(LABELS)})
        status, refused = server.raw("/v1/messages", scored | {"label_scores": ["news", "x"]})

        assert chat["choices"][0]["message"]["content"] == "news"
        assert sum(np.exp(list(told["label_logprobs"].values()))) == pytest.approx(1)
        assert told["content"][0]["text"] == "news"
        code, told_no = server.raw(
            "/v1/chat/completions", {"model": server.model, "messages": turn, "logprobs": True}
        )
        assert code == 400
        assert "no schema, stop or token logprobs" in told_no["error"]["message"]
        assert status == 400
        assert "want the labels of this student: news, sport" in refused["error"]["message"]
        assert server.end()[0] == 130


@pytest.mark.parametrize("via", ["local", "llamacpp"])
def test_a_served_student_is_evaluated_and_teaches(
    via: str, classifier: Path, bench: Workbench
) -> None:
    if via == "llamacpp":
        pytest.importorskip("openai")
    bench.write(
        "heldout.jsonl",
        [
            {"id": f"h{i}", "question": f"{text} again", "reference_answer": label}
            for i, (text, label) in enumerate(TEXTS.items())
        ],
    )
    bench.write("seeds.jsonl", [{"question": f"{text} today"} for text in TEXTS])
    with serving(classifier) as server:
        base_url = server.url if via == "local" else f"{server.url}/v1"
        ended = bench.main(
            [
                "run",
                "task=classify",
                "task.labels=[news,sport]",
                "task.prompt='{question}'",
                "task.calibration=none",
                "seeds.path=seeds.jsonl",
                "heldout.path=heldout.jsonl",
                "tracking=none",
                "ledger.url=ledger.db",
                "paths.out=runs/one",
                "judge=confidence",
                "judge.threshold=0",
                "filter=none",
                "metric=classify",
                "guard=none",
                "teacher=local",
                f"teacher.model={server.model}",
                f"teacher.base_url={server.url}",
                "student=endpoint",
                f"teacher@student.via={via}",
                f"student.model={server.model}",
                f"student.base_url={base_url}",
            ]
        )
    assert ended.status == 0, ended.err
    assert bench.manifest["eval"]["accuracy"] == 1.0
    assert bench.manifest["student"]["served"] == [server.model]
    assert bench.manifest["teacher"]["served"] == [server.model]
    assert bench.manifest["rows"] == len(TEXTS)


def test_what_cannot_be_served_is_told_in_a_sentence(
    bench: Workbench, classifier: Path, tmp_path: Path
) -> None:
    bench.run()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = {
            ("runs/one",): "the run trained none",
            ("nowhere",): "no run is called 'nowhere'",
            (str(classifier), "--port", port): f"--port: got {port}, want a free port",
            (str(classifier), "--port", "70000"): "want a whole number from 0 to 65535",
            (str(classifier), "--workers", "0"): "--workers: got 0",
            (str(classifier), "--context-tokens", "5"): "--context-tokens: got 5",
            (str(classifier), "--name", " "): "--name: got nothing",
        }
        for words, sentence in said.items():
            ended = bench.main(["serve", *words])
            assert ended.status == 2
            assert sentence in ended.err
            assert not ended.has_traceback


def test_a_damaged_student_is_told_before_anything_is_started(
    bench: Workbench, classifier: Path
) -> None:
    (classifier / "student" / "model.skops").write_bytes(b"no zip")
    ended = bench.main(["serve", str(classifier)])
    assert ended.status == 1
    assert "damaged or cut" in ended.err

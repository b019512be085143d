"""Sweeps that are killed, and sweeps over recorded answers of real models."""

from __future__ import annotations

import csv
import json
import random
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from fake_api import Hang
from replayed import replaying
from workbench import REPOSITORY, Workbench

from distill.tracking.owner import is_gone

CONCURRENCY = 4
POINTS, QUESTIONS = 3, 12
SHARED = REPOSITORY.parent / "shared"
RECORDED = SHARED / "data" / "gsm8k" / "recorded_answers.jsonl"
REPLAY = SHARED / "tools" / "replay_api.py"
TRACKED = ("tracking=mlflow", "tracking.uri=sqlite:///store/mlflow.db")


def faithful(prompt: str, body: Mapping[str, Any], attempt: int) -> str:
    """Return an answer that hangs on the question alone."""
    del body, attempt
    return f"An answer to: {prompt}"


def tracked(bench: Workbench) -> tuple[list[Any], list[Any]]:
    """Return parents and children in the tracking store."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{bench.folder}/store/mlflow.db")
    experiment = client.get_experiment_by_name("distill")
    assert experiment is not None
    runs = list(client.search_runs([experiment.experiment_id]))
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    return parents, [run for run in runs if "mlflow.parentRunId" in run.data.tags]


def test_a_sweep_that_is_killed_goes_on_where_it_was(bench: Workbench) -> None:
    asked = [{"question": f"Question number {i} about rivers?"} for i in range(QUESTIONS)]
    bench.write("seeds.jsonl", asked)
    bench.api.teacher = faithful
    swept = "teacher.max_tokens=101,102,103"
    words = bench.words("judge=none", "filter=none", f"teacher.concurrency={CONCURRENCY}", swept)
    words = [*[word for word in words if word != "tracking=none"], *TRACKED, "-m"]

    draw, kills = random.Random(3), 0
    for _ in range(3):
        # Once in each point, as its requests come in.
        moment = bench.api.count("teacher") + draw.randint(2, QUESTIONS)
        with bench.start(words) as process:
            bench.api.wait_for("teacher", moment, unless=process.poll)
            process.kill()
            process.communicate(timeout=60)
        kills += 1

    ended = bench.process(words, timeout_s=120)

    assert ended.status == 0, ended.err
    paid = bench.api.count("teacher")
    assert POINTS * QUESTIONS <= paid <= POINTS * QUESTIONS + kills * CONCURRENCY
    parents, children = tracked(bench)
    assert len(parents) == 1
    assert "RUNNING" not in {run.info.status for run in [*parents, *children]}
    assert {run.info.status for run in [*parents, *children]} == {"FINISHED"}
    names = sorted(run.info.run_name for run in children)
    assert names == [f"teacher.max_tokens={n}" for n in (101, 102, 103)]


def test_doctor_closes_a_sweep_that_was_killed(bench: Workbench) -> None:
    bench.api.teacher = faithful
    words = bench.words("judge=none", "filter=none", "teacher.max_tokens=101,102")
    words = [*[word for word in words if word != "tracking=none"], *TRACKED, "-m"]
    with bench.start(words) as process:
        bench.api.wait_for("teacher", 2, unless=process.poll)
        process.kill()
        process.communicate(timeout=60)
    parents, children = tracked(bench)
    assert {run.info.status for run in [*parents, *children]} == {"RUNNING"}

    ended = bench.main(["doctor", "seeds.path=seeds.jsonl", *TRACKED, "ledger.url=ledger.db"])

    assert "closed now" in ended.out
    parents, children = tracked(bench)
    assert {run.info.status for run in [*parents, *children]} == {"KILLED"}

    ended = bench.process(words, timeout_s=120)

    assert ended.status == 0, ended.err
    parents, children = tracked(bench)
    assert (len(parents), len(children)) == (1, 2)
    assert {run.info.status for run in [*parents, *children]} == {"FINISHED"}


def test_workers_end_with_a_sweep_that_is_killed(bench: Workbench) -> None:
    bench.api.teacher = lambda *_: Hang()
    joblib = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    words = bench.words("judge=none", "filter=none", "teacher.max_tokens=101,102", *joblib)
    words = [*[word for word in words if word != "tracking=none"], *TRACKED, "-m"]
    with bench.start(words) as process:
        bench.api.wait_for("teacher", 2, unless=process.poll)
        process.kill()
        process.communicate(timeout=60)
    _, children = tracked(bench)
    owners = [run.data.tags["distill.owner"] for run in children]
    assert len(owners) == 2
    ends_at = time.monotonic() + 60
    while not all(map(is_gone, owners)):
        assert time.monotonic() < ends_at, "workers are left"
        time.sleep(0.1)


def test_a_point_is_run_again_where_its_seeds_have_changed(bench: Workbench) -> None:
    words = [*bench.with_judge("filter=none", "judge.threshold=0.2,0.9"), "-m"]
    assert bench.main(words).status == 0
    bench.write("seeds.jsonl", [{"question": "Why do leaves change their colour in autumn?"}])

    ended = bench.main(words)

    assert ended.status == 0, ended.err
    with (bench.out / "sweep.csv").open(encoding="utf-8", newline="") as file:
        assert [row["rows"] for row in csv.DictReader(file)] == ["1", "1"]


@pytest.mark.skipif(
    not RECORDED.is_file(), reason="the recorded answers are not beside the project"
)
@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_five_thresholds_over_recorded_answers_pay_for_one(bench: Workbench, launcher: str) -> None:
    lines = RECORDED.read_text(encoding="utf-8").splitlines()
    bench.write("recorded.jsonl", [{"question": json.loads(line)["question"]} for line in lines])
    swept = "judge.threshold=0.5,0.6,0.7,0.8,0.9"
    more = {"basic": [], "joblib": ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]}[launcher]
    with replaying(REPLAY, RECORDED, "175b_verification") as replay:
        words = [
            "run",
            "-m",
            "task=math",
            "judge=rubric",
            "seeds.path=recorded.jsonl",
            "tracking=none",
            "ledger.url=recorded.db",
            "paths.out=runs/recorded",
            f"teacher.base_url={replay.url}",
            f"judge.base_url={replay.url}",
            swept,
            *more,
        ]
        started = time.monotonic()
        ended = bench.process(words, timeout_s=240)
        took_s = time.monotonic() - started
        counted = replay.stats()

    assert ended.status == 0, ended.err
    assert (counted["answers"], counted["judgements"]) == (len(lines), len(lines))
    out = bench.folder / "runs" / "recorded"
    with (out / "sweep.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == ["done"] * 5
    assert sum(int(row["requests"]) for row in rows) == 2 * len(lines)
    kept = [int(row["rows"]) for row in rows]
    assert kept == sorted(kept, reverse=True)
    if launcher == "basic":
        first, *others = (float(row["seconds"]) for row in rows)
        assert sum(others) < first, (rows, took_s)


def test_what_a_sweep_leaves_is_whole(bench: Workbench) -> None:
    swept = "judge.threshold=0.2,0.9"
    ended = bench.main([*bench.with_judge("filter=none", swept), "-m"])

    assert ended.status == 0, ended.err
    told = json.loads((bench.out / "sweep.json").read_text(encoding="utf-8"))
    assert (told["status"], told["swept"]) == ("FINISHED", ["judge.threshold"])
    folders = [bench.out / point["folder"] for point in told["points"]]
    manifests = [json.loads((Path(f) / "manifest.json").read_text()) for f in folders]
    assert [m["sweep"]["id"] for m in manifests] == [told["run_id"]] * 2
    digests = [m["dataset_sha256"] for m in manifests]
    assert [point["dataset_sha256"] for point in told["points"]] == digests

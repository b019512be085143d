"""Runs that tune a language model: its arms, what it never sees, and what is left of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from tiny import write_tiny
from workbench import Ended, Workbench

from distill.students import load
from distill.students.lm import base as bases

pytest.importorskip("torch", reason="the extra train is not installed")
# The libraries warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")

PLANTED = "zanzibar"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("base"))


@pytest.fixture
def tune(bench: Workbench, tiny: Path) -> Callable[..., Ended]:
    heldout = [
        {"id": f"h{i}", "question": f"Where is {PLANTED} {i}?", "reference_answer": f"{PLANTED} x"}
        for i in range(4)
    ]
    bench.write("heldout.jsonl", heldout)

    def run(*words: str) -> Ended:
        return bench.run_unjudged(*settings(tiny), *words)

    return run


def settings(tiny: Path) -> list[str]:
    return [
        "heldout.path=heldout.jsonl", "student=sft", f"student.base={tiny}", "student.threads=1",
        "student.device=cpu", "student.max_new_tokens=8", "student.work=training",
        "evaluate.teacher=false", "student.max_steps=3", "student.checkpoint_steps=1",
        "student.max_tokens=1024",
    ]  # fmt: skip


def test_a_run_tunes_evaluates_beside_the_base_and_never_shows_the_heldout_rows(
    bench: Workbench, tune: Callable[..., Ended]
) -> None:
    ended = tune()
    assert ended.status == 0, ended.err
    told = pl.read_parquet(bench.out / "student" / "heldout.parquet")
    eval_ = bench.manifest["eval"]
    student = load(bench.out / "student")
    questions = [f"Where is {PLANTED} {i}?" for i in range(4)]

    assert list(eval_["arms"]) == ["base", "distilled"]
    assert (eval_["arm"], eval_["baseline"]) == ("distilled", "base")
    assert eval_["arms"]["distilled"]["examples"] == 6
    assert (bench.out / "student" / "adapter_model.safetensors").is_file()
    assert student.answer(questions) == told["answer/distilled"].to_list()
    # Nothing that the child is given or leaves holds a held-out text.
    (job,) = bench.folder.glob("training/tuning-*")
    given = b"".join(path.read_bytes() for path in job.rglob("*") if path.is_file())
    assert b"crashed container" in given
    assert PLANTED.encode() not in given

    before = {path: path.stat().st_mtime_ns for path in job.rglob("*")}
    assert tune("student.max_new_tokens=4").status == 0
    assert {path: path.stat().st_mtime_ns for path in job.rglob("*")} == before


def test_a_training_ends_at_its_limits_with_a_sentence(
    bench: Workbench, tune: Callable[..., Ended]
) -> None:
    greedy = tune("student.max_memory_gb=0.1")
    assert greedy.status == 2
    assert "student.max_memory_gb: training held" in greedy.err
    assert not greedy.has_traceback

    hasty = tune("student.max_seconds=0.5")
    assert hasty.status == 1
    assert "student.max_seconds: 0 of ? steps were done after 0.5 s." in hasty.err
    (log,) = bench.folder.glob("training/tuning-*/log.txt")
    assert "Traceback" not in log.read_text()


def test_what_is_missing_is_said_before_anything_is_paid(
    bench: Workbench, tune: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = tune("student.base=./nowhere")
    assert nowhere.status == 2
    assert "student.base: got './nowhere', want" in nowhere.err

    monkeypatch.setattr(bases, "NEEDED", ("torch", "no_such_package"))
    without = tune()
    assert without.status == 2
    assert "not installed: no_such_package" in without.err
    assert "pip install 'distill[train]'" in without.err
    assert bench.api.count("teacher") == 0

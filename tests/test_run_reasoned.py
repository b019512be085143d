"""Runs whose student learns rationales, pairs or itself, and chains of such students."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from fake_api import Message
from tiny import write_tiny
from workbench import QUESTIONS, Workbench

from distill.students import load

pytest.importorskip("torch", reason="the extra train is not installed")
# The libraries warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")

REASONED = ("task.answer_marker='####'", "student=step_by_step")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("base"))


def settings(tiny: Path) -> list[str]:
    return [
        f"student.base={tiny}", "student.threads=1", "student.device=cpu", "filter=none",
        "student.max_new_tokens=8", "student.work=training", "student.max_steps=2",
        "evaluate.teacher=false",
    ]  # fmt: skip


def reasons(prompt: str, body: Mapping[str, Any], attempt: int) -> str:
    del prompt, body, attempt
    return "Because it is so.\n#### Yes"


def test_a_run_learns_what_stands_before_the_marker_and_delivers_a_student_that_leaves_it_out(
    bench: Workbench, tiny: Path
) -> None:
    bench.api.teacher = reasons
    ended = bench.run_unjudged(*REASONED, *settings(tiny), "heldout=none")

    assert ended.status == 0, ended.err
    (job,) = bench.folder.glob("training/two_tasks-*")
    learnt = [json.loads(line) for line in (job / "data" / "train.jsonl").read_text().splitlines()]
    assert {(row["answer"], row["rationale"]) for row in learnt} == {("Yes", "Because it is so.")}
    about = json.loads((bench.out / "student" / "student.json").read_text())
    assert (about["method"], about["opening"]) == ("step_by_step", "predict: ")
    assert len(load(bench.out / "student").answer([QUESTIONS[0]])) == 1


def test_a_run_learns_the_judges_pairs_and_tells_their_margin(bench: Workbench, tiny: Path) -> None:
    bench.api.teacher = lambda prompt, body, attempt: f"It is so {'' if attempt else 'indeed'}"
    bench.api.grade = in_full
    heldout = [{"id": "h", "question": "Where is it now?", "reference_answer": "there"}]
    bench.write("heldout.jsonl", heldout)
    ended = bench.run(
        "judge=pairwise", "teacher.samples=2", "student=dpo", *settings(tiny),
        "heldout.path=heldout.jsonl", "student.validation_share=0.4",
    )  # fmt: skip

    assert ended.status == 0, ended.err
    told = json.loads((bench.out / "student" / "training.json").read_text())
    assert told["pairs"] + told["validation_pairs"] == len(QUESTIONS)
    assert 0 <= told["reward_accuracy"] <= 1
    assert list(bench.manifest["eval"]["arms"]) == ["base", "distilled"]


def in_full(prompt: str, body: Mapping[str, Any], attempt: int) -> Any:
    """Prefer the longer answer."""
    del body, attempt
    line = next(line for line in prompt.splitlines() if line.startswith('{"question"'))
    first = json.loads(line)["first"].endswith("indeed")
    return Message(json.dumps({"reason": "r", "better": "first" if first else "second"}))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(
            ["student=step_by_step"],
            "task.answer_marker: got null, want a text between rationale and answer",
            id="nothing keeps rationales apart",
        ),
        pytest.param(["student=dpo"], "judge: got rubric, want pairwise", id="no pairs"),
        pytest.param(
            ["student=sft", "student@students.pairs=dpo"],
            "judge: got rubric, want pairwise for students.pairs=dpo",
            id="no pairs for a further student",
        ),
        pytest.param(
            ["student=spin", "student.packing=true"], "student.packing: want false", id="packed"
        ),
        pytest.param(
            ["student=spin", "student.iterations=0"], "student.iterations: got 0", id="no play"
        ),
        pytest.param(
            [*REASONED, "student.mode=both"], "student.mode: got 'both'", id="no such mode"
        ),
        pytest.param(
            [*REASONED, "student.answer_weight=50"],
            "hint: 50 percent is written 0.5",
            id="percent",
        ),
    ],
)
def test_what_does_not_go_together_is_said_before_anything_is_paid(
    bench: Workbench, words: list[str], told: str
) -> None:
    ended = bench.run(*words, "heldout=none")

    assert ended.status == 2
    assert told in ended.err
    assert not ended.has_traceback
    assert not bench.api.seen


def test_a_chain_refuses_a_student_that_needs_more_than_answers(
    bench: Workbench, tiny: Path
) -> None:
    words = bench.with_judge("judge=pairwise", "teacher.samples=2", "student=dpo", "heldout=none")
    ended = bench.main(["collapse", *words[1:], f"student.base={tiny}"])

    assert ended.status == 2
    assert "collapse: got the student Dpo, want one that learns from answers alone" in ended.err


@pytest.mark.slow
def test_a_language_model_learns_from_itself_over_generations(bench: Workbench, tiny: Path) -> None:
    rows = [
        {"id": f"s{i}", "question": f"Is {i} even?", "reference_answer": "It is so."}
        for i in range(12)
    ]
    bench.write("seeds.jsonl", rows)
    bench.write("heldout.jsonl", [row | {"question": f"Now {row['question']}"} for row in rows])
    words = bench.words(
        "student=sft", *settings(tiny), "heldout.path=heldout.jsonl", "seeds.real_labels=6",
        "collapse.generations=1", "collapse.repeats=1", "collapse.regimes=[replace,accumulate]",
        "judge=none", "tracking=mlflow", "tracking.uri=sqlite:///mlflow.db",
    )  # fmt: skip
    ended = bench.main(["collapse", *words[1:]])

    assert ended.status == 0, ended.err
    told = json.loads((bench.out / "collapse.json").read_text())
    assert [len(course["generations"]) for course in told["courses"]] == [2, 2]
    assert all(
        0 <= one["heldout"]["mean"] <= 1
        for course in told["courses"]
        for one in course["generations"]
    )
    assert "replace: generation 1 of 1" in ended.err
    # Generation 0 is the same training in both: it was done once.
    assert len(list(bench.folder.glob("training/tuning-*"))) == 3

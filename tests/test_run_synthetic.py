"""Synthetic held-out items beside real ones: runs from the command line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from workbench import Ended, Workbench

REAL = 60
MADE_UP = 60


def evaluate(bench: Workbench, *words: str) -> Ended:
    return bench.main(
        ["run", "experiment=endpoint", "task=math", "teacher@student.via=claude",
         "heldout.path=heldout.jsonl", "student.model=tuned-1", "student.via.max_retries=0",
         f"student.base_url={bench.api.url}", "tracking=none", "ledger.url=ledger.db",
         "paths.out=runs/one", *words]
    )  # fmt: skip


def with_teacher(bench: Workbench) -> list[str]:
    return ["evaluate.teacher=true", f"teacher.base_url={bench.api.url}", "teacher.max_retries=0"]


def flattered(prompt: str, body: Mapping[str, Any], attempt: int) -> str:
    """Answer as a student that knows all made-up sums and a third of the real ones."""
    number = int(prompt.split("What is ")[1].split()[0])
    right = body["model"] != "tuned-1" or "made up" in prompt or number % 3 == 0
    return f"#### {2 * number if right else -1}"


@pytest.fixture
def sums(bench: Workbench) -> Workbench:
    bench.write(
        "heldout.jsonl",
        [{"question": f"What is {i} plus {i}?", "reference_answer": str(2 * i)}
         for i in range(REAL)],
    )  # fmt: skip
    bench.write(
        "synthetic.jsonl",
        [{"question": f"What is {i} plus {i}, made up?", "reference_answer": str(2 * i),
          "origin": "synthetic"} for i in range(MADE_UP)],
    )  # fmt: skip
    bench.api.teacher = flattered
    return bench


def test_a_student_that_synthetic_items_flatter_more_than_its_teacher_is_told_of(
    sums: Workbench,
) -> None:
    ended = evaluate(sums, *with_teacher(sums), "evaluate.synthetic_heldout=synthetic.jsonl")

    assert ended.status == 0, ended.err
    found = sums.manifest["eval"]["synthetic"]
    assert found["n"] == MADE_UP
    assert found["student"]["gap"]["difference"] == pytest.approx(2 / 3, abs=1e-6)
    assert found["teacher"]["gap"]["difference"] == 0
    assert found["excess"]["difference"] == pytest.approx(2 / 3, abs=1e-6)
    assert found["excess"]["low"] > 0.5
    assert sums.manifest["inputs"]["synthetic_heldout"]["rows"] == MADE_UP
    said = "flatters the student by 66.7 pp more than the teacher"
    for text in (
        " ".join(ended.out.split()),
        (sums.out / "README.md").read_text(encoding="utf-8"),
        (sums.out / "report.html").read_text(encoding="utf-8"),
    ):
        assert said in text
        assert "do not report the student" in text


def test_the_gap_never_enters_the_verdict(sums: Workbench) -> None:
    evaluate(sums, *with_teacher(sums))
    without = sums.manifest
    evaluate(sums, *with_teacher(sums), "evaluate.synthetic_heldout=synthetic.jsonl")

    made = sums.manifest
    assert made["eval"].pop("synthetic")
    for key in ("eval", "verdict", "verdict_reason", "config_sha256"):
        assert made[key] == without[key]


def test_without_a_teacher_the_gap_is_shown_and_not_judged(sums: Workbench) -> None:
    ended = evaluate(sums, "evaluate.synthetic_heldout=synthetic.jsonl")

    assert ended.status == 0, ended.err
    found = sums.manifest["eval"]["synthetic"]
    assert found["student"]["gap"]["low"] > 0.5
    assert "excess" not in found
    assert "cannot be judged" in (sums.out / "README.md").read_text(encoding="utf-8")


def test_items_that_the_real_set_asks_too_are_left_out(sums: Workbench) -> None:
    rows = [{"question": f"what is {i} plus {i}", "reference_answer": "0"} for i in range(7)]
    sums.write(
        "synthetic.jsonl", [*rows, {"question": "What is 3 plus 4?", "reference_answer": "7"}]
    )
    ended = evaluate(sums, "evaluate.synthetic_heldout=synthetic.jsonl")
    assert (
        sums.manifest["eval"]["synthetic"]["n"],
        sums.manifest["eval"]["synthetic"]["left_out"],
    ) == (1, 7)
    # One item does not vary: nothing can be said of what would be found.
    assert "which difference would be found cannot be said" in " ".join(ended.out.split())
    assert "7 further items were left out" in " ".join(ended.out.split())

    sums.write("synthetic.jsonl", rows)
    ended = evaluate(sums, "evaluate.synthetic_heldout=synthetic.jsonl")
    assert ended.status == 0, ended.err
    assert "No synthetic held-out item was asked" in ended.out


def test_an_estimate_counts_the_synthetic_items(sums: Workbench) -> None:
    words = ["estimate", "experiment=endpoint", "task=math", "teacher@student.via=claude",
             "heldout.path=heldout.jsonl", "student.model=tuned-1", "tracking=none",
             f"student.base_url={sums.api.url}", "ledger.url=ledger.db",
             "evaluate.synthetic_heldout=synthetic.jsonl"]  # fmt: skip
    before = sums.main([*words, "--json"])
    assert before.status == 0, before.err
    evaluate(sums, "evaluate.synthetic_heldout=synthetic.jsonl")

    asked = [sum(line["requests"] for line in json.loads(text)["lines"]) for text in
             (before.out, sums.main([*words, "--json"]).out)]  # fmt: skip
    assert asked == [sums.api.count("teacher"), 0] == [REAL + MADE_UP, 0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["evaluate.synthetic_heldout=absent.jsonl"], "absent.jsonl", id="no file"),
        pytest.param(["evaluate.synthetic_heldout=3"], "evaluate.synthetic_heldout", id="number"),
        pytest.param(
            ["heldout.path=null", "evaluate.synthetic_heldout=synthetic.jsonl"],
            "evaluate.synthetic_heldout: got 'synthetic.jsonl', want null without real",
            id="nothing real",
        ),
    ],
)
def test_faults_are_told_before_anything_is_asked(
    sums: Workbench, words: list[str], said: str
) -> None:
    ended = evaluate(sums, *words)

    assert ended.status == 2
    assert said in ended.err
    assert not ended.has_traceback
    assert sums.api.count("teacher") == 0

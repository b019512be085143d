"""Rationales kept apart from answers, and the settings of learning both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydantic
import pytest
import yaml
from tiny import sums

from distill.paths import conf_dir
from distill.students import Examples, StepByStep
from distill.students.classifier import TrainingError
from distill.students.sft import TRAINER
from distill.students.step_by_step import TWO_TASKS_TRAINER, parted_examples

Make = Callable[..., StepByStep]


@pytest.fixture
def step_by_step(tmp_path: Path) -> Make:
    def make(**changes: Any) -> StepByStep:
        nodes: dict[str, Any] = {}
        for name in ("sft", "step_by_step"):
            text = (conf_dir() / "student" / f"{name}.yaml").read_text(encoding="utf-8")
            nodes |= yaml.safe_load(text)
        for key in ("_target_", "defaults"):
            nodes.pop(key)
        return StepByStep(**(nodes | {"work": str(tmp_path)} | changes))

    return make


def examples(*answers: str, rationales: tuple[str | None, ...] = ()) -> Examples:
    questions = tuple(f"q{i}" for i in range(len(answers)))
    real = np.zeros(len(answers), dtype=bool)
    return Examples(questions=questions, answers=answers, real=real, rationales=rationales)


def test_a_worked_solution_is_parted_at_its_last_marker() -> None:
    (one,) = parted_examples(examples("2 #### or so\n4 + 4\n#### 8"), "####")

    assert (one.rationale, one.answer) == ("2 #### or so\n4 + 4", "8")


def test_the_rationale_that_the_task_kept_apart_goes_before_that_of_the_text() -> None:
    given = examples("8", "a #### 9", "nothing", "####", rationales=("4 + 4", "b", None, None))
    parted = parted_examples(given, "####")

    assert [(one.rationale, one.answer) for one in parted] == [
        ("4 + 4", "8"),
        ("b", "9"),
        (None, "nothing"),
        (None, "####"),
    ]


def test_two_tasks_ask_behind_a_prefix_each_and_keep_what_has_no_rationale(
    step_by_step: Make,
) -> None:
    student = step_by_step()
    trainer, rows = student._rows(parted_examples(examples("4 + 4 #### 8", "9"), "####"))

    assert trainer == TWO_TASKS_TRAINER
    assert [row["answer_prompt"][-1]["content"] for row in rows] == ["predict: q0", "predict: q1"]
    assert [row["rationale_prompt"][-1]["content"] for row in rows] == [
        "explain: q0",
        "explain: q1",
    ]
    assert [(row["answer"], row["rationale"]) for row in rows] == [("8", "4 + 4"), ("9", None)]


def test_rationale_first_writes_both_and_leaves_out_what_has_no_rationale(
    step_by_step: Make,
) -> None:
    student = step_by_step(mode="rationale_first")
    trainer, rows = student._rows(parted_examples(examples("4 + 4 #### 8", "9"), "####"))

    assert trainer == TRAINER
    assert [row["completion"][0]["content"] for row in rows] == ["4 + 4\n#### 8"]
    assert [row["prompt"][-1]["content"] for row in rows] == ["q0"]


def test_examples_without_any_rationale_are_refused_with_what_to_do(step_by_step: Make) -> None:
    with pytest.raises(TrainingError, match="none of the 3 examples has a rationale") as refused:
        step_by_step().fit(sums(3), seed=0)

    assert "task.answer_marker" in str(refused.value.hint)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param({"packing": True}, "packing: want false", id="packed tasks"),
        pytest.param({"explain": "predict: "}, "explain: want another prefix", id="one prefix"),
        pytest.param({"answer_weight": 1.5}, "answer_weight", id="weight above 1"),
        pytest.param({"batch_size": 3}, "batch_size: got 3", id="the parent's own rules"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    step_by_step: Make, changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(pydantic.ValidationError, match=told):
        step_by_step(**changes)


def test_a_part_of_the_examples_keeps_its_own_rationales() -> None:
    whole = replace(examples("a", "b", "c", rationales=("x", None, "z")), rejected=("d", "e", None))
    part = whole.where(np.array([False, True, True]))

    assert (part.rationales, part.rejected) == ((None, "z"), ("e", None))
    assert examples("a", "b").where(np.array([True, False])).rationales == ()

"""The controls that ask whether choosing among the teacher's answers was worth it."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from tables import answered_table

from distill.config import compose
from distill.stages.arms import RANDOM_SAME_SIZE, UNFILTERED, beside, control_examples
from distill.stages.evaluate import Arm
from distill.statistics import wilson
from distill.table import drop
from distill.tasks import QA, Classify, Task

PROSE = QA(system=None, prompt="{question}", answer_marker=None)


def labels() -> Classify:
    node = compose(["seeds.path=-", "task=classify", "task.labels=[a,b]"])["task"]
    del node["_target_"]
    return Classify(**node)


def table(*, answers: list[Any], fallen: list[int]) -> pl.DataFrame:
    """Return two real rows and one row an answer of the teacher, some of them fallen out."""
    source = ["real"] * 2 + ["teacher"] * len(answers)
    made = answered_table(["a", "b", *answers], source=source)
    gone = [f"r{i + 2}" for i in fallen]
    return drop(made, pl.col("id").is_in(gone), stage="judge", reason="below_threshold")


def controls(task: Task, rows: pl.DataFrame, seed: int = 0) -> dict[str, Any]:
    return control_examples(rows, task=task, seed=seed)


def test_unfiltered_has_the_answers_that_fell_out_and_the_real_examples() -> None:
    rows = table(answers=["one", "two", "three"], fallen=[1])

    assert controls(PROSE, rows)[UNFILTERED].answers == ("a", "b", "one", "two", "three")


def test_a_row_without_an_answer_teaches_no_control() -> None:
    rows = table(answers=["one", None, " ", "two"], fallen=[1, 2, 3])

    assert controls(PROSE, rows)[UNFILTERED].answers == ("a", "b", "one", "two")


def test_a_label_that_the_task_does_not_have_teaches_no_control() -> None:
    rows = table(answers=["a", "b", "perhaps a"], fallen=[1, 2])

    assert controls(labels(), rows)[UNFILTERED].answers == ("a", "b", "a", "b")


def test_a_blind_draw_is_as_large_as_the_dataset_and_depends_on_the_seed() -> None:
    rows = table(answers=[f"answer {i}" for i in range(40)], fallen=list(range(30)))
    drawn = [controls(PROSE, rows, seed)[RANDOM_SAME_SIZE] for seed in (0, 0, 1)]

    assert [len(one) for one in drawn] == [12, 12, 12]
    assert [int(one.real.sum()) for one in drawn] == [2, 2, 2]
    assert drawn[0].answers == drawn[1].answers != drawn[2].answers
    assert len(set(drawn[0].answers)) == 12


def test_without_a_choice_there_is_nothing_to_control() -> None:
    assert controls(PROSE, table(answers=["one", "two"], fallen=[])) == {}
    assert controls(PROSE, table(answers=["one", "two"], fallen=[0, 1])) == {}
    assert controls(PROSE, table(answers=[], fallen=[])) == {}


def test_the_student_is_compared_with_every_arm_but_itself() -> None:
    scores = {"bad": np.zeros(30), "student": np.ones(30)}
    arms = {
        name: Arm(
            name=name,
            examples=None,
            answers=(None,) * 30,
            scores=given,
            headline=wilson(int(given.sum()), 30),
            metrics={},
        )
        for name, given in scores.items()
    }
    found = beside(arms, "student", seed=0)

    assert set(found) == {"bad"}
    assert (found["bad"].difference, found["bad"].only_a) == (1.0, 30)

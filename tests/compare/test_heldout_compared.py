"""Two students on the held-out items that they share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from compared_runs import EVAL, answers, heldout_answers, make_run

from distill.compare.heldout import HeldoutCompared, compare_heldout
from distill.compare.side import read_side
from distill.statistics import mcnemar_mid_p, paired_bootstrap
from distill.two_samples import explain_samples, two_samples

STUDENT = "real_and_distilled"
RNG = np.random.default_rng(0)
GOOD = (RNG.random(200) < 0.9).astype(float)
POOR = np.where(RNG.random(200) < 0.2, 0.0, GOOD)
ARMS = ("majority", "teacher", STUDENT)


def arms(student: Any, teacher: Any = GOOD) -> dict[str, Any]:
    return {"majority": np.zeros(len(student)), "teacher": teacher, STUDENT: student}


@pytest.fixture
def compared(tmp_path: Path) -> Any:
    def make(a: Any, b: Any, **told: Any) -> Any:
        manifests = {"a": {"eval": EVAL} | told.pop("manifest_a", {}), "b": {"eval": EVAL}}
        manifests["b"] |= told.pop("manifest_b", {})
        sides = [
            read_side(
                make_run(
                    tmp_path / name,
                    answers(3),
                    side=name,
                    manifest=manifests[name],
                    heldout=file,
                    config=told.get(f"config_{name}"),
                )
            )
            for name, file in (("a", a), ("b", b))
        ]
        return compare_heldout(sides[0], sides[1], examples=3)

    return make


def test_the_test_is_mcnemars_of_b_against_a(compared: Any) -> None:
    found = compared(heldout_answers(arms(POOR)), heldout_answers(arms(GOOD)))
    assert isinstance(found, HeldoutCompared)
    assert found.test == mcnemar_mid_p(GOOD > 0, POOR > 0)
    assert found.test.difference > 0
    assert (found.a.value, found.b.value) == (POOR.mean(), GOOD.mean())
    assert found.test.minimum_detectable is not None


def test_scores_between_right_and_wrong_are_bootstrapped(compared: Any) -> None:
    a, b = GOOD / 2 + 0.1, POOR / 2 + 0.1
    found = compared(heldout_answers(arms(a)), heldout_answers(arms(b)))
    assert found.test == paired_bootstrap(b, a, 0)
    assert found.a.low < found.a.value < found.a.high


def test_only_items_that_agree_count_whatever_their_order(compared: Any) -> None:
    a = heldout_answers(arms(POOR))
    b = heldout_answers(arms(GOOD)).with_columns(
        reference=pl.when(pl.col("id") == "h3").then(pl.lit("new")).otherwise("reference"),
        id=pl.when(pl.col("id").is_in(["h5", "h6"])).then(pl.col("id") + "x").otherwise("id"),
    )
    found = compared(a, b[::-1])
    kept = [i for i in range(200) if i not in {3, 5, 6}]
    assert found.test == mcnemar_mid_p(GOOD[kept] > 0, POOR[kept] > 0)
    assert (found.items, found.altered) == ((200, 200), 1)


def test_other_held_out_sets_are_told_to_be_two_samples(compared: Any) -> None:
    names = [f"x{i}" for i in range(200)]
    found = compared(heldout_answers(arms(POOR)), heldout_answers(arms(GOOD), ids=names))
    test = two_samples(GOOD, POOR)
    assert found == f"The runs share no held-out item. {explain_samples(test, 'B', 'A')}"
    assert "B is better, if both sets of items are samples of the same questions" in found


def test_the_same_ids_with_other_questions_are_told(compared: Any) -> None:
    b = heldout_answers(arms(GOOD)).with_columns(question=pl.lit("other?"))
    found = compared(heldout_answers(arms(POOR)), b)
    assert "200 ids agree, but not their question and reference" in found


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [(True, False, "Only run A"), (False, True, "Only run B"), (False, False, "Neither run")],
)
def test_missing_answers_are_told_with_whose_they_are(
    compared: Any, a: bool, b: bool, said: str
) -> None:
    file = heldout_answers(arms(GOOD))
    found = compared(file if a else None, file if b else None)
    assert found.startswith(f"{said} left held-out answers")
    assert "older release" in found


def test_runs_without_students_are_told_how_to_get_them(compared: Any) -> None:
    without = {"eval": None}
    found = compared(None, None, manifest_a=without, manifest_b=without)
    assert "run with a student and a held-out set on both sides" in found


def test_other_metrics_and_other_tasks_are_not_compared(compared: Any) -> None:
    file = heldout_answers(arms(GOOD))
    other = {"eval": EVAL | {"metric": "token_f1"}}
    assert "different metrics (accuracy and token_f1)" in compared(file, file, manifest_b=other)
    math = {"task": {"_target_": "distill.tasks.Math"}}
    assert "tasks differ (QA and Math)" in compared(file, file, config_b=math)


def test_arms_that_both_have_stand_beside_each_other(compared: Any) -> None:
    b = heldout_answers({"real_only": POOR, STUDENT: GOOD})
    found = compared(heldout_answers(arms(POOR) | {"real_only": GOOD}), b)
    assert [(arm.name, arm.a, arm.b) for arm in found.controls] == [
        (STUDENT, POOR.mean(), GOOD.mean()),
        ("real_only", GOOD.mean(), POOR.mean()),
    ]


def test_another_delivered_arm_is_named(compared: Any) -> None:
    b = heldout_answers({"distilled_only": GOOD})
    found = compared(
        heldout_answers(arms(POOR)), b, manifest_b={"eval": EVAL | {"arm": "distilled_only"}}
    )
    assert found.arms == (STUDENT, "distilled_only")
    assert found.b.value == GOOD.mean()


def test_examples_are_items_on_which_one_did_better(compared: Any) -> None:
    found = compared(heldout_answers(arms(POOR)), heldout_answers(arms(GOOD)))
    first = int(np.flatnonzero(POOR != GOOD)[0])
    assert len(found.examples) == 3
    assert found.examples[0].id == f"h{first}"
    assert (found.examples[0].score_a, found.examples[0].score_b) == (0.0, 1.0)
    assert found.same_answers == int((POOR == GOOD).sum())


def test_slices_add_up(compared: Any) -> None:
    found = compared(heldout_answers(arms(POOR)), heldout_answers(arms(GOOD)))
    assert {part.name: part.n for part in found.slices} == {"even": 100, "odd": 100}
    assert sum(part.n * part.b for part in found.slices) == pytest.approx(GOOD.sum())


def test_an_answer_that_is_missing_on_both_sides_is_the_same(compared: Any) -> None:
    none = pl.lit(None, dtype=pl.String).alias(f"answer/{STUDENT}")
    file = heldout_answers(arms(GOOD)).with_columns(none)
    assert compared(file, file).same_answers == 200

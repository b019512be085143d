"""Where the student is right: parts of the held-out items."""

from __future__ import annotations

import numpy as np
import polars as pl

from distill.eval_figures import eval_figures
from distill.stages.breakdown import FEW_ITEMS, parts
from distill.stages.deepen import break_down
from distill.stages.evaluate import Arm, Evaluation
from distill.statistics import explain_verdict, mcnemar_mid_p, verdict, wilson
from distill.tasks import QA

PROSE = QA(system=None, prompt="{question}", answer_marker=None)


def evaluation(student: list[float], baseline: list[float]) -> Evaluation:
    """Return an evaluation of two arms with these scores."""
    arms = {
        name: Arm(
            name=name,
            examples=None,
            answers=(None,) * len(given),
            scores=np.array(given),
            headline=wilson(int(sum(given)), len(given)),
            metrics={},
        )
        for name, given in {"real_only": baseline, "real_and_distilled": student}.items()
    }
    test = mcnemar_mid_p(student, baseline)
    return Evaluation(
        arms=arms,
        student="real_and_distilled",
        baseline="real_only",
        metric="accuracy",
        test=test,
        verdict=verdict(test),
        reason=explain_verdict(test, "Distillation", "real_only"),
    )


def test_each_part_has_its_own_wilson_interval_the_largest_first() -> None:
    given = evaluation([1.0] * 30 + [0.0] * 10 + [1.0] * 50, [0.0] * 90)
    found = parts(given, ["news"] * 40 + ["mail"] * 50, seed=0)

    assert [(part.name, part.student.n) for part in found] == [("mail", 50), ("news", 40)]
    assert found[1].student == wilson(30, 40)
    assert found[1].baseline == 0


def test_a_part_of_few_items_is_too_few_to_say() -> None:
    given = evaluation([1.0] * (2 * FEW_ITEMS - 1), [0.0] * (2 * FEW_ITEMS - 1))
    found = parts(given, ["a"] * FEW_ITEMS + ["b"] * (FEW_ITEMS - 1), seed=0)

    assert [part.few for part in found] == [False, True]


def test_an_item_without_a_slice_is_in_no_part() -> None:
    given = evaluation([1.0, 0.0, 1.0], [0.0] * 3)

    assert [part.student.n for part in parts(given, ["a", None, "a"], seed=0)] == [2]
    assert parts(given, [None] * 3, seed=0) == ()


def test_only_a_task_with_labels_is_broken_down_by_label() -> None:
    heldout = pl.DataFrame({"reference": ["x", "y"], "slice": ["s", None]})
    found = break_down(evaluation([1.0, 0.0], [0.0, 0.0]), heldout, task=PROSE, seed=0)

    assert found.labels == ()
    assert eval_figures(found)["slices"] == [
        {
            "name": "s",
            "n": 1,
            "accuracy": 1.0,
            "low": round(wilson(1, 1).low, 6),
            "high": 1.0,
            "baseline": 0.0,
            "few": True,
        }
    ]
    assert "labels" not in eval_figures(found)

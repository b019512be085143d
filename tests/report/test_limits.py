from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from finished_runs import SHAPES, MakeRun, warned

from distill.judge_calibration import JudgeCalibration
from distill.manifest import make_manifest
from distill.record import RunRecord
from distill.report import write_card
from distill.report.limits import doubts, limits
from distill.review import review_frame
from distill.stages.refit import Reseeded
from distill.statistics import Verdict


def _doubts(record: RunRecord) -> str:
    return "\n".join(doubts(record, make_manifest(record)))


def _limits(record: RunRecord) -> str:
    return "\n".join(limits(record, make_manifest(record)))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param(
            {"right": {"real_only": 0.7, "real_and_distilled": 0.72}},
            "220 held-out items: a true difference under",
            id="too_few_items_for_so_small_a_difference",
        ),
        pytest.param(
            {"heldout": 150, "right": {"real_only": 0.3, "real_and_distilled": 0.9}},
            "Only 150 held-out items",
            id="few_items",
        ),
        pytest.param({"heldout": 0}, "No student was compared", id="no_heldout"),
        pytest.param(
            SHAPES["nothing_kept"], "The dataset is empty: ", id="nothing_left_to_train_on"
        ),
        pytest.param(SHAPES["no_control"], "no control", id="no_control"),
        pytest.param({"guards": warned()}, "Guard contamination: 25 of 220", id="guard_warned"),
        pytest.param({"guards": warned()}, "1 guard was off: real_heldout", id="guard_off"),
        pytest.param({"guards": {}}, "No guard was on", id="no_guards"),
        pytest.param({"overrides": ("judge=none",)}, "No judge looked", id="no_judge"),
        pytest.param({}, "the teacher's own confidence", id="judge_is_the_teacher's_confidence"),
        pytest.param({"task": "qa"}, "not compared with scores by humans", id="uncalibrated"),
        pytest.param({"task": "qa"}, "got no score", id="unscored"),
        pytest.param({"task": "qa"}, "one provider (anthropic)", id="same_provider"),
        pytest.param(
            {"task": "qa", "overrides": ("judge.model=claude-opus-4-5-20251101",)},
            "are one model",
            id="same_model",
        ),
    ],
)
def test_a_doubt_is_named_where_it_is_due(
    changes: dict[str, Any], said: str, make_run: MakeRun
) -> None:
    assert said in _doubts(make_run(**changes))


def test_what_a_server_calls_itself_fills_no_page(make_run: MakeRun) -> None:
    record = make_run()
    record.spend["teacher"].served = {"m" * 100_000, "\u202eevil"}

    (told,) = (one for one in _doubts(record).splitlines() if "answered as teacher" in one)
    assert len(told) < 200
    assert "\u202e" not in told


def test_rows_near_the_heldout_ones_are_a_doubt_until_a_human_has_looked(make_run: MakeRun) -> None:
    record = make_run()
    assert "review.jsonl" not in _doubts(record)
    row = {"id": "s-1", "question": "q", "answer": "a", "evidence": "cosine 0.95"}

    record.review = review_frame([row | {"stage": "guard", "reason": "contamination"}])

    assert "1 row may ask what a held-out question asks" in _doubts(record)


def test_a_clear_difference_on_many_items_is_not_called_small(make_run: MakeRun) -> None:
    told = _doubts(make_run(heldout=400, right={"real_only": 0.3, "real_and_distilled": 0.9}))

    assert "held-out item" not in told
    assert "interval" not in told


def test_an_interval_that_nearly_reaches_none_is_a_doubt(make_run: MakeRun) -> None:
    record = make_run()
    assert record.evaluation is not None
    near = replace(record.evaluation.test, low=0.004)
    record.evaluation = replace(record.evaluation, test=near)

    assert "it ends at +0.4 pp" in _doubts(record)


def test_another_model_than_was_asked_for_is_a_doubt(make_run: MakeRun) -> None:
    record = make_run()
    record.spend["teacher"].served = {"another-model"}
    record.spend["teacher"].failed = 3

    told = _doubts(record)

    assert "another-model answered as teacher" in told
    assert "3 requests to the teacher failed for good" in told


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param(SHAPES["nothing_kept"], "The dataset is empty", id="empty"),
        pytest.param({"rows": 30}, "It has only", id="few_rows"),
        pytest.param({"real": 0}, "Every answer is the teacher's", id="no_human"),
        pytest.param({}, "answers are the teacher's", id="few_human"),
        pytest.param({}, "seeds are synthetic", id="synthetic_seeds"),
        pytest.param({}, "No filter was applied", id="no_filter"),
        pytest.param({"heldout": 0}, "There was no held-out set", id="no_heldout"),
        pytest.param({}, "not another draw of seeds", id="what_intervals_cover"),
        pytest.param({"task": "qa"}, "may answer otherwise", id="not_repeatable"),
    ],
)
def test_a_limit_is_named_where_it_is_due(
    changes: dict[str, Any], said: str, make_run: MakeRun
) -> None:
    assert said in _limits(make_run(**changes))


def test_a_label_that_dominates_is_named_and_so_is_one_without_examples(
    make_run: MakeRun,
) -> None:
    record = make_run()
    balanced = _limits(record)
    merged = record.table["answer"].str.replace("^(business|politics|tech)$", "sport")
    record.table = record.table.with_columns(answer=merged)

    told = _limits(record)

    assert "One label dominates: sport is" in told
    assert "3 labels have no example: business, politics, tech" in told
    assert "label" not in balanced


def test_manifest_card_and_limits_say_how_many_rows_wait_for_review(
    make_run: MakeRun, tmp_path: Path
) -> None:
    record = make_run()
    assert "review" not in make_manifest(record)
    lines = [
        {"id": "a", "stage": "guard", "reason": "near"},
        {"id": "b", "stage": "guard", "reason": "near"},
        {"id": "c", "stage": "filter", "reason": "doubt"},
    ]
    record.review = review_frame(lines)
    manifest = make_manifest(record)
    assert manifest["review"] == {"filter/doubt": 1, "guard/near": 2}

    told = "3 rows wait for review by a human in review.jsonl (filter/doubt 1, guard/near 2)."
    assert told in limits(record, manifest)
    write_card(record, manifest, tmp_path / "README.md")
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert f"- {told}" in card
    assert "What a human should look at stands in `review.jsonl`" in card

    record.review = record.review[:1]
    assert "1 row waits for review" in _limits(record)


def test_a_lift_that_needs_no_teacher_is_a_doubt(make_run: MakeRun) -> None:
    lifted = {"real_only": 0.3, "real_and_distilled": 0.9}

    told = _doubts(make_run(heldout=400, right=lifted | {"self_trained": 0.9}))
    assert "self_trained, which learns from the same texts without a teacher" in told
    assert "self_trained" not in _doubts(
        make_run(heldout=400, right=lifted | {"self_trained": 0.4})
    )


def test_rows_that_are_near_to_held_out_ones_are_a_doubt(make_run: MakeRun) -> None:
    record = make_run()
    row = {"id": "s-1", "stage": "guard", "reason": "contamination", "question": "q"}
    record.review = review_frame([row, row, row | {"reason": "pii"}])

    assert "1 row of the dataset is near to held-out items" in _doubts(record)


def test_a_calibrated_judge_is_no_doubt_and_another_is(make_run: MakeRun) -> None:
    record = make_run(task="qa")
    record.calibration = JudgeCalibration(
        same_judge=True, kappa=(0.8, 0.7, 0.9), n=200, failures=(), checked_at="2026-11-24"
    )
    assert "by humans" not in _doubts(record)
    assert "calibrated" not in _doubts(record)

    record.calibration = replace(record.calibration, failures=("Kappa is 0.10.",))
    assert "not good enough" in _doubts(record)

    record.calibration = replace(record.calibration, same_judge=False)
    assert "is of another judge" in _doubts(record)
    assert "by humans" in _doubts(record)


def test_a_verdict_that_turns_with_the_seed_is_a_doubt(make_run: MakeRun) -> None:
    record = make_run()
    assert record.evaluation is not None
    verdict = record.evaluation.verdict
    other: Verdict = "hurts"
    seeds = Reseeded(
        seeds=(0, 1, 2), means=(0.8, 0.7, 0.8), verdicts=(verdict, other, verdict), unchanged=False
    )
    record.evaluation = replace(record.evaluation, reseeded=seeds)
    told = _doubts(record)
    assert f"it is {verdict} for 2 of 3 seeds, and hurts for the others" in told

    record.evaluation = replace(record.evaluation, reseeded=replace(seeds, verdicts=(verdict,) * 3))
    assert "turns on the seed" not in _doubts(record)

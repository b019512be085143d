from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from tables import answered_table, claude, seeds_table
from workbench import Workbench

from distill.errors import GuardError
from distill.guards import (
    Contamination,
    Evidence,
    Finding,
    Guard,
    JudgeCanaries,
    JudgeIndependence,
    Lineage,
    ModeCollapse,
    PinnedModels,
    RealHeldout,
    SeedShares,
    Unscored,
    Untold,
)
from distill.models import LocalModel
from distill.stages.guard import SHOWN_ROWS, GuardResult, look, merged
from distill.table import drop


def heldout(*questions: str, origin: str = "human") -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": [f"h{i}" for i in range(len(questions))],
            "question": list(questions),
            "reference": ["x"] * len(questions),
            "origin": [origin] * len(questions),
        },
        schema=dict.fromkeys(("id", "question", "reference", "origin"), pl.String),
    )


def evidence(**changes: Any) -> Evidence:
    usual: dict[str, Any] = {
        "teacher": claude(),
        "judge": None,
        "table": seeds_table("a", "b"),
        "heldout": None,
    }
    return Evidence(**(usual | changes))


def contamination(**changes: Any) -> Contamination:
    return Contamination(
        **({"mode": "error", "ngram": 8, "max_share": 0.5, "near": None} | changes)
    )


def contaminated(seed: str, held: str) -> bool:
    found = contamination().look(
        evidence(table=seeds_table("s", question=[seed]), heldout=heldout(held))
    )
    return found.fires


@pytest.mark.parametrize(
    ("seed", "held"),
    [
        pytest.param("What is a pod?", "What is a pod?", id="equal"),
        pytest.param("What is a pod?", "  what IS a\n pod ", id="case and space"),
        pytest.param("What is a pod?", "“What, is a pod!”", id="punctuation"),
        pytest.param("CAFÉ", "cafe\u0301", id="composed and decomposed"),
        pytest.param("ﬁne", "fine", id="ligature"),
        pytest.param("pod\u00a0size", "pod size", id="no-break space"),
    ],
)
def test_a_held_out_question_among_the_seeds_is_found(seed: str, held: str) -> None:
    assert contaminated(seed, held)


@pytest.mark.parametrize(
    ("seed", "held"),
    [
        pytest.param("What is a pod?", "What is a node?", id="another word"),
        pytest.param("What is a pod?", "What is a pod for?", id="a word more"),
        pytest.param("ab c", "a bc", id="other words of the same letters"),
        pytest.param("What is 2 + 2?", "What is 22?", id="numbers"),
        pytest.param("दिन", "दान", id="vowel signs"),
        pytest.param("???", "!!!", id="no words at all"),
        pytest.param("🙂", "🙁", id="signs only"),
    ],
)
def test_another_question_is_no_contamination(seed: str, held: str) -> None:
    assert not contaminated(seed, held)


def test_the_evidence_names_item_and_seed() -> None:
    table = seeds_table("s0", "s1", question=["one", "two"])
    found = contamination().look(evidence(table=table, heldout=heldout("Two!", "three", "ONE")))

    assert found.sentence == "2 of 3 held-out questions are among the seeds."
    assert found.rows == ("held-out h0 is seed s1", "held-out h2 is seed s0")


@pytest.mark.parametrize("mode", ["error", "warn"])
def test_one_held_out_question_is_one_and_its_hint_fits_the_mode(mode: str) -> None:
    found = replace(contamination(), mode=mode).look(
        evidence(table=seeds_table("s0", question=["one"]), heldout=heldout("One!", "two"))
    )

    assert found.sentence == "1 of 2 held-out questions is among the seeds."
    assert found.hint is not None
    assert ("mode=warn" in found.hint) == (mode == "error")


def test_a_real_example_counts_as_a_seed() -> None:
    table = seeds_table("s0", question=["one"], source=["real"])
    assert contamination().look(evidence(table=table, heldout=heldout("one"))).fires


def test_without_held_out_items_nothing_can_be_contaminated() -> None:
    assert not contamination().look(evidence()).fires
    assert not RealHeldout(mode="error").look(evidence()).fires


@pytest.mark.parametrize(
    ("teacher", "judge", "fires"),
    [
        ("claude-opus-4-5-20251101", "claude-opus-4-5-20251101", True),
        ("claude-opus-4-5-20251101", "claude-opus-4-5", True),
        ("claude-opus-4-5", "claude-opus-4-5-20251101", True),
        ("claude-opus-4-5-20251101", "claude-sonnet-4-6", False),
        ("claude-opus-4-5-20251101", "claude-opus-4-6", False),
    ],
)
def test_a_judge_that_is_the_teacher_is_found(teacher: str, judge: str, fires: bool) -> None:
    found = JudgeIndependence(mode="error").look(
        evidence(teacher=claude(model=teacher), judge=claude(model=judge))
    )
    assert found.fires == fires


def test_without_a_model_that_judges_there_is_nothing_to_compare() -> None:
    assert not JudgeIndependence(mode="error").look(evidence()).fires


@pytest.mark.parametrize(
    ("settings", "fires"),
    [
        ({"model": "claude-opus-4-5"}, True),
        ({"model": "claude-3-5-haiku-latest"}, True),
        ({"model": "claude-opus-4-5-20251101"}, False),
        ({"model": "claude-sonnet-4-6"}, False),
        ({"model": "claude-opus-4-5", "allow_alias": True}, False),
    ],
)
@pytest.mark.parametrize("role", ["teacher", "judge"])
def test_an_alias_is_found_in_either_role(role: str, settings: dict[str, Any], fires: bool) -> None:
    found = PinnedModels(mode="error").look(evidence(**{role: claude(**settings)}))

    assert found.fires == fires
    if fires:
        assert found.rows[0].startswith(f"{role}.model: got '{settings['model']}'")


def test_a_held_out_item_that_is_synthetic_is_found() -> None:
    held = pl.concat([heldout("a"), heldout("b", origin="synthetic")])
    found = RealHeldout(mode="error").look(evidence(heldout=held))

    assert found.fires
    assert not found.mild
    assert found.sentence.startswith("1 of 2 held-out items are synthetic;")
    assert found.rows == ("held-out h0",)


def test_a_held_out_question_with_two_references_warns_and_a_repeated_one_is_said() -> None:
    held = heldout("What is 2+2?", "what IS  2+2?", "What is 2-2?", "c", "c").with_columns(
        reference=pl.Series(["4", "5", "0", "x", " X"])
    )
    found = RealHeldout(mode="error").look(evidence(heldout=held))
    results = look(
        {"real_heldout": RealHeldout(mode="error")}, evidence(heldout=held), when="before"
    )

    assert found.rows == ("the same question, different references: held-out h0, h1",)
    assert "2 questions are asked more than once, 1 of them with different" in found.sentence
    assert results["real_heldout"].status == "warn"
    repeated = RealHeldout(mode="error").look(evidence(heldout=held[3:]))
    assert not repeated.fires
    assert "1 question is asked more than once, 0 of them with different" in repeated.sentence


def test_what_few_held_out_items_can_say_is_told() -> None:
    few = RealHeldout(mode="error").look(evidence(heldout=heldout(*map(str, range(100)))))
    many = RealHeldout(mode="error").look(evidence(heldout=heldout(*map(str, range(200)))))

    assert "it is right 40% to 60% of the time" in few.sentence
    assert many.sentence == "All 200 held-out items are real."


def seed_shares(**changes: Any) -> SeedShares:
    usual: dict[str, Any] = {"max_human": None, "max_synthetic": 0, "max_synthetic_rows": 0.5}
    return SeedShares(**({"mode": "warn", "min_real_answers": None} | usual | changes))


ORIGINS = ["log", "log", "human", "synthetic"]


@pytest.mark.parametrize(
    ("changes", "fires"),
    [
        pytest.param({}, True, id="a synthetic seed"),
        pytest.param({"max_synthetic": 0.25}, False, id="as many as are allowed"),
        pytest.param({"max_synthetic": None}, False, id="off"),
        pytest.param({"max_synthetic": None, "max_human": 0.25}, False, id="hand-written"),
        pytest.param({"max_synthetic": None, "max_human": 0.2}, True, id="too many hand-written"),
    ],
)
def test_seeds_are_counted_by_their_origin(changes: dict[str, Any], fires: bool) -> None:
    table = seeds_table("a", "b", "c", "d", origin=ORIGINS)
    found = seed_shares(**changes).look(evidence(table=table))

    assert found.fires == fires
    counted = "2 out of logs, 1 hand-written or of no declared origin, 1 synthetic"
    assert found.sentence.startswith(f"Of 4 seeds {counted}")
    assert found.rows == (("synthetic seed d",) if fires and "max_human" not in changes else ())


@pytest.mark.parametrize(("most", "fires"), [(0.5, False), (0.4, True), (None, False), (0, True)])
def test_rows_with_a_synthetic_question_are_counted_in_the_finished_dataset(
    most: float | None, fires: bool
) -> None:
    table = answered_table(["x"] * 5, origin=["synthetic", "synthetic", "log", "log", "synthetic"])
    fallen = drop(table, pl.col("id") == "r4", stage="filter", reason="empty")
    found = seed_shares(max_synthetic_rows=most).look(evidence(table=fallen))

    assert found.fires == fires
    assert found.sentence.startswith("2 of 4 questions of the dataset are synthetic")


@pytest.mark.parametrize(("least", "fires"), [(0.5, False), (0.6, True), (None, False), (0, False)])
def test_rows_that_a_human_answered_are_counted_in_the_finished_dataset(
    least: float | None, fires: bool
) -> None:
    table = answered_table(["x"] * 5, source=["real", "real", "teacher", "teacher", "real"])
    fallen = drop(table, pl.col("id") == "r4", stage="filter", reason="empty")
    found = seed_shares(min_real_answers=least).look(evidence(table=fallen))

    assert found.fires == fires
    assert found.sentence.startswith("2 of 4 rows" if fires else "0 of 4 questions")


def test_a_limit_in_percent_is_refused_with_the_share_that_is_meant(bench: Workbench) -> None:
    ended = bench.run("guard.seed_shares.max_human=50")

    assert ended.status == 2
    assert "guard.seed_shares.max_human: got 50, want a share in [0, 1], or null." in ended.err
    assert "50 percent is written 0.5" in ended.err


def test_of_nothing_no_share_is_too_large() -> None:
    assert not seed_shares().look(evidence(table=answered_table([]))).fires


def test_what_was_found_at_both_moments_is_told_together() -> None:
    guards = {"seed_shares": seed_shares()}
    made = {"origin": ["log", "synthetic"]}
    before = look(guards, evidence(table=seeds_table("a", "b", **made)), when="before")
    after = look(guards, evidence(table=answered_table(["x", "x"], **made)), when="after")
    both = merged(before, after)["seed_shares"]

    assert (before["seed_shares"].status, after["seed_shares"].status) == ("warn", "pass")
    assert both.status == "warn"
    assert both.finding is not None
    assert both.finding.sentence.startswith("Of 2 seeds 1 out of logs, 1 synthetic; at most 0%")
    assert both.finding.sentence.endswith("1 of 2 questions of the dataset are synthetic.")
    assert both.finding.hint == before["seed_shares"].finding.hint  # type: ignore[union-attr]


def test_an_error_stops_with_all_evidence_and_a_warning_does_not() -> None:
    table = seeds_table("s0", question=["one"])
    seen = evidence(table=table, heldout=heldout("one", origin="synthetic"))
    guards = {
        "contamination": contamination(),
        "real_heldout": RealHeldout(mode="error"),
        "pinned_models": PinnedModels(mode="error"),
    }
    with pytest.raises(GuardError) as caught:
        look(guards, seen, when="before")
    assert "guard.contamination" in str(caught.value)
    assert "guard.real_heldout" in str(caught.value)
    assert "guard.pinned_models" not in str(caught.value)

    softer = {
        "contamination": contamination(mode="warn"),
        "real_heldout": RealHeldout(mode="off"),
        "pinned_models": PinnedModels(mode="error"),
    }
    results = look(softer, seen, when="before")
    assert {name: result.status for name, result in results.items()} == {
        "contamination": "warn",
        "real_heldout": "off",
        "pinned_models": "pass",
    }
    assert results["real_heldout"].finding is None


def test_long_evidence_is_cut_and_counted() -> None:
    questions = [f"question {i}" for i in range(SHOWN_ROWS + 5)]
    ids = [f"s{i}" for i in range(len(questions))]
    seen = evidence(table=seeds_table(*ids, question=questions), heldout=heldout(*questions))
    with pytest.raises(GuardError) as caught:
        look({"contamination": contamination()}, seen, when="before")

    assert "… and 5 more" in str(caught.value)


def test_evidence_of_a_hundred_rows_is_told_in_full() -> None:
    questions = [f"question {i}" for i in range(SHOWN_ROWS)]
    ids = [f"s{i}" for i in range(SHOWN_ROWS)]
    seen = evidence(table=seeds_table(*ids, question=questions), heldout=heldout(*questions))
    with pytest.raises(GuardError) as caught:
        look({"contamination": contamination()}, seen, when="before")

    assert str(caught.value).count("held-out h") == SHOWN_ROWS == 100
    assert "more" not in str(caught.value)


def found(untold: Untold | None, *, fires: bool = False) -> GuardResult:
    finding = Finding(fires=fires, sentence="So.", untold=untold)
    return GuardResult(status="warn" if fires else "pass", finding=finding)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param(found("idle"), found("idle"), "idle", id="nothing twice"),
        pytest.param(found(None), found("idle"), "pass", id="nothing at the end"),
        pytest.param(found("idle"), found("unsure"), "unsure", id="too little at the end"),
        pytest.param(found("unsure"), found(None), "unsure", id="too little at the start"),
        pytest.param(found("unsure"), found(None, fires=True), "warn", id="fires at the end"),
    ],
)
def test_two_looks_of_which_one_could_not_tell_are_one(
    before: GuardResult, after: GuardResult, told: str
) -> None:
    both = merged({"g": before}, {"g": after})["g"]

    assert both.told == told
    assert both.finding is not None
    assert both.finding.sentence == "So."


@pytest.mark.parametrize(
    ("guard", "seen", "told"),
    [
        pytest.param(RealHeldout(mode="error"), {}, "idle", id="no held-out set"),
        pytest.param(JudgeIndependence(mode="error"), {}, "idle", id="no judge"),
        pytest.param(Unscored(mode="error", max_share=0), {}, "idle", id="no judge's scores"),
        pytest.param(JudgeCanaries(mode="error"), {"judge": claude()}, "idle", id="no canaries"),
        pytest.param(
            ModeCollapse(mode="warn", max_ratio=0.9, max_p=0.01), {}, "idle", id="no contrast"
        ),
        pytest.param(Lineage(mode="error", student_base=None), {}, "idle", id="one model"),
        pytest.param(
            Lineage(mode="error", student_base="my-own-thing-7b"), {}, "unsure", id="unknown base"
        ),
        pytest.param(PinnedModels(mode="error"), {}, "pass", id="a pin"),
    ],
)
def test_a_guard_that_cannot_tell_does_not_count_as_passed(
    guard: Guard, seen: dict[str, Any], told: str
) -> None:
    results = look({"g": guard}, evidence(**seen), when="before") or look(
        {"g": guard}, evidence(**seen), when="after"
    )

    assert results["g"].status == "pass"
    assert results["g"].told == told


def test_guards_look_at_their_own_moment_only() -> None:
    assert look({"real_heldout": RealHeldout(mode="error")}, evidence(), when="after") == {}


def test_a_local_model_is_pinned_by_its_weights() -> None:
    from distill.config import compose

    node = compose(["seeds.path=-", "teacher=local"])["teacher"]
    del node["_target_"]
    assert not PinnedModels(mode="error").look(evidence(teacher=LocalModel(**node))).fires


def test_a_judge_of_held_out_answers_is_guarded_as_the_judge_of_rows_is() -> None:
    guard = JudgeIndependence(mode="error")
    teacher, other = claude(model="claude-opus-4-5-20251101"), claude(model="claude-sonnet-4-6")
    own = guard.look(evidence(teacher=teacher, markers={"judged": teacher}))
    assert own.fires
    assert own.sentence.startswith("metric.judged.model and teacher.model are both")
    assert not guard.look(evidence(teacher=teacher, markers={"judged": other})).fires
    both = guard.look(evidence(teacher=teacher, judge=teacher, markers={"judged": teacher}))
    assert both.sentence.startswith("judge.model, metric.judged.model and teacher.model are all")

    loose = claude(model="claude-sonnet-4-5")
    found = PinnedModels(mode="error").look(evidence(markers={"judged": loose}))
    assert found.fires
    assert "metric.judged.via.allow_alias=true" in (found.hint or "")


def test_two_judges_may_come_from_the_same_weights_and_neither_from_the_students() -> None:
    guard = Lineage(mode="error", student_base=None)
    judge = claude(model="Qwen/Qwen3-8B")
    alike = guard.look(evidence(judge=judge, markers={"judged": judge}))
    assert not any("metric.judged" in row and "judge.model" in row for row in alike.rows)

    kin = guard.look(evidence(markers={"judged": judge}, student_base="Qwen/Qwen3-0.6B"))
    assert kin.fires
    assert "metric.judged.model Qwen/Qwen3-8B and student.base" in kin.rows[0]

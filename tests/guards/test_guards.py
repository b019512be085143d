from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from tables import claude, seeds_table

from distill.errors import GuardError
from distill.guards import (
    Contamination,
    Evidence,
    JudgeIndependence,
    PinnedModels,
    RealHeldout,
)
from distill.models import LocalModel
from distill.stages.guard import SHOWN_ROWS, look


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
    assert found.sentence == "1 of 2 held-out items are synthetic."


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


def test_guards_look_at_their_own_moment_only() -> None:
    assert look({"real_heldout": RealHeldout(mode="error")}, evidence(), when="after") == {}


def test_a_local_model_is_pinned_by_its_weights() -> None:
    from distill.config import compose

    node = compose(["seeds.path=-", "teacher=local"])["teacher"]
    del node["_target_"]
    assert not PinnedModels(mode="error").look(evidence(teacher=LocalModel(**node))).fires

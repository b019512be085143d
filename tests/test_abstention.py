"""What becomes of answers in which the teacher does not know, by policy, and how it is counted."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from tables import answered_table
from workbench import QUESTIONS, Workbench

from distill.abstention import abstained, abstention
from distill.filters import MinWords, Uncertainty
from distill.stages.filter import apply_filters
from distill.statistics import wilson
from distill.table import drop

MARKERS = ("i don't know", "i'm not sure")
DOUBT = "I don’t know. " * 20
SURE = "Restarted containers, Python, water, metals, vaccines and treaties, in words of five. " * 8


def one_doubts(prompt: str, body: Any, attempt: int) -> str:
    return DOUBT if QUESTIONS[1] in prompt else f"{SURE}{prompt}"


def run(bench: Workbench, policy: str, *overrides: str) -> None:
    bench.api.teacher = one_doubts
    ended = bench.main(
        bench.words(
            "judge=none", "filter=uncertainty", f"filter.uncertainty.policy={policy}", *overrides
        )
    )
    assert ended.status == 0, ended.err


@pytest.mark.parametrize("policy", ["drop", "review", "abstain"])
def test_an_admission_falls_out_of_the_dataset(bench: Workbench, policy: str) -> None:
    run(bench, policy)

    assert bench.reasons == {"s1": "filter/uncertainty"}
    assert len(bench.lines("dataset.jsonl")) == len(QUESTIONS) - 1
    assert bench.manifest["rejected"]["filter/uncertainty"] == 1
    assert (bench.out / "review.jsonl").exists() == (policy == "review")
    assert (bench.out / "abstain.jsonl").exists() == (policy == "abstain")


def test_a_kept_admission_stays_and_is_counted(bench: Workbench) -> None:
    run(bench, "keep")

    assert bench.reasons == {}
    assert bench.manifest["rejected"]["filter/uncertainty"] == 0
    found = bench.manifest["abstention"]
    assert found["policy"] == {"uncertainty": "keep"}
    assert found["before"] == found["after"]
    assert found["after"]["abstained"] == 1


def test_the_policies_that_drop_leave_the_same_dataset(bench: Workbench) -> None:
    digests = set()
    for policy in ("drop", "review", "abstain"):
        run(bench, policy)
        digests.add(bench.manifest["dataset_sha256"])
    assert len(digests) == 1


def test_review_lists_the_row_with_what_it_says(bench: Workbench) -> None:
    run(bench, "review")

    assert [(row["id"], row["evidence"]) for row in bench.lines("review.jsonl")] == [
        ("s1", 'says "i don\'t know"')
    ]
    assert bench.lines("rejected.jsonl")[0]["detail"] == 'says "i don\'t know"'


@pytest.mark.parametrize("export", ["chat", "completion"])
def test_the_abstention_set_is_in_the_format_of_the_dataset(bench: Workbench, export: str) -> None:
    run(bench, "abstain", f"export={export}")

    (line,) = bench.lines("abstain.jsonl")
    dataset = bench.lines("dataset.jsonl")
    assert line.keys() == dataset[0].keys()
    assert QUESTIONS[1] in json.dumps(line)
    assert DOUBT.strip() in json.dumps(line, ensure_ascii=False)
    found = bench.manifest["abstention"]
    data = (bench.out / "abstain.jsonl").read_bytes()
    assert (found["rows"], found["sha256"]) == (1, hashlib.sha256(data).hexdigest())


def test_a_later_run_in_the_same_folder_takes_the_set_away(bench: Workbench) -> None:
    run(bench, "abstain")
    run(bench, "drop")

    assert not (bench.out / "abstain.jsonl").exists()
    assert "sha256" not in bench.manifest["abstention"]


def test_the_shares_stand_in_manifest_card_and_report(bench: Workbench) -> None:
    run(bench, "abstain")

    found = bench.manifest["abstention"]
    before, after = wilson(1, len(QUESTIONS)), wilson(0, len(QUESTIONS) - 1)
    assert found["before"] == {
        "answers": len(QUESTIONS),
        "abstained": 1,
        "rate": round(before.value, 6),
        "low": round(before.low, 6),
        "high": round(before.high, 6),
    }
    assert (found["after"]["abstained"], found["after"]["rate"]) == (0, 0)
    assert found["after"]["high"] == round(after.high, 6)
    for name in ("README.md", "report.html"):
        text = (bench.out / name).read_text(encoding="utf-8")
        assert "The teacher said that it does not know in 16.7%" in text
        assert "(policy: abstain)" in text
        assert "sees none" in text
        assert "abstain.jsonl has 1 row." in text


def test_a_rebuild_leaves_the_abstention_set_too(bench: Workbench) -> None:
    run(bench, "abstain")
    ended = bench.main(["reproduce", "runs/one", "--out", "again", "ledger.url=ledger.db"])

    assert ended.status == 0, ended.out + ended.err
    again = bench.folder / "again" / "abstain.jsonl"
    assert again.read_bytes() == (bench.out / "abstain.jsonl").read_bytes()


def test_without_a_filter_for_uncertainty_nothing_is_said(bench: Workbench) -> None:
    bench.api.teacher = one_doubts
    bench.run_unjudged()

    assert "abstention" not in bench.manifest
    assert "does not know" not in (bench.out / "README.md").read_text(encoding="utf-8")


def test_only_answers_of_the_teacher_that_could_be_read_are_counted() -> None:
    answers = ["I'm not sure", "a b c", "I don't know", "I don't know", "x"]
    table = answered_table(answers, source=["teacher"] * 2 + ["real"] + ["teacher"] * 2)
    table = drop(table, table["id"] == "r3", stage="generate", reason="max_tokens")
    filters = {
        "short": MinWords(min_words=2),
        "doubt": Uncertainty(markers=MARKERS, policy="abstain", quoted=True),
    }
    done = apply_filters(table, filters)
    found = abstention(done, filters)

    assert found is not None
    assert (found["before"]["abstained"], found["before"]["answers"]) == (1, 3)
    assert (found["after"]["abstained"], found["after"]["answers"]) == (0, 1)
    assert abstained(done, filters)["id"].to_list() == ["r0"]


def test_what_a_judge_drops_later_counts_as_left_by_the_filters() -> None:
    filters = {"doubt": Uncertainty(markers=MARKERS, policy="keep", quoted=True)}
    table = apply_filters(answered_table(["I don't know", "yes"]), filters)
    table = drop(table, table["id"] == "r0", stage="judge", reason="below_threshold")
    found = abstention(table, filters)

    assert found is not None
    assert found["after"]["abstained"] == 1


def test_a_part_without_an_answer_is_absent() -> None:
    filters = {"doubt": Uncertainty(markers=MARKERS, policy="drop", quoted=True)}
    assert abstention(answered_table([]), filters) == {"policy": {"doubt": "drop"}}
    done = apply_filters(answered_table(["I don't know"]), filters)
    assert set(abstention(done, filters) or {}) == {"policy", "before"}
    assert done["detail"].to_list() == [None]

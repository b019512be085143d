"""Guards end to end: what stops a run before anything is spent, and what only warns."""

from __future__ import annotations

import importlib.util
import json

import polars as pl
import pytest
from workbench import QUESTIONS, Workbench

ALIAS = "teacher.model=claude-opus-4-5"
SAME = ("judge.model=claude-opus-4-5-20251101",)
HELDOUT = [
    {"id": "h0", "question": "Something that no seed asks?", "reference_answer": "yes"},
    {"id": "h1", "question": f"  {QUESTIONS[1].upper()}!!", "reference_answer": "counting"},
]

embed = pytest.mark.skipif(
    any(importlib.util.find_spec(n) is None for n in ("tokenizers", "safetensors", "wordllama")),
    reason="the extra embed is not installed",
)


def contaminated(bench: Workbench) -> tuple[str, ...]:
    bench.write("heldout.jsonl", HELDOUT)
    return ("heldout.path=heldout.jsonl",)


def synthetic(bench: Workbench) -> tuple[str, ...]:
    bench.write("heldout.jsonl", [HELDOUT[0] | {"origin": "synthetic"}])
    return ("heldout.path=heldout.jsonl",)


CASES = [
    pytest.param("judge_independence", lambda _: SAME, ["claude-opus-4-5-20251101"], id="judge"),
    pytest.param(
        "pinned_models",
        lambda _: (ALIAS,),
        ["teacher.model", "'claude-opus-4-5'", "pin claude-opus-4-5-20251101", "allow_alias=true"],
        id="alias",
    ),
    pytest.param("contamination", contaminated, ["1 of 2", "h1", "s1"], id="contaminated"),
    pytest.param("real_heldout", synthetic, ["h0", "synthetic"], id="synthetic held-out"),
]


@pytest.mark.parametrize(("guard", "given", "evidence"), CASES)
def test_a_guard_stops_the_run_before_anything_is_spent_and_leaves_only_its_evidence(
    bench: Workbench, guard: str, given: object, evidence: list[str]
) -> None:
    overrides = given(bench)  # type: ignore[operator]
    before = bench.files()
    ended = bench.run(*overrides)

    assert ended.status == 2, ended.err
    assert not ended.has_traceback
    assert f"guard.{guard}" in ended.err
    for words in evidence:
        assert words in ended.err
    assert bench.api.count() == 0
    left = bench.files()
    findings = json.loads(left.pop("runs/one/stopped_by_guard/findings.json"))
    assert left == before
    assert "runs/one/stopped_by_guard: findings.json" in ended.err
    assert findings[guard]["status"] == "fail"
    assert all(row in ended.err for row in findings[guard]["rows"])


@pytest.mark.parametrize(("guard", "given", "evidence"), CASES)
@pytest.mark.parametrize(("mode", "status"), [("warn", "warn"), ("off", "off")])
def test_a_guard_that_only_warns_or_is_off_lets_the_run_pass(
    bench: Workbench, guard: str, given: object, evidence: list[str], mode: str, status: str
) -> None:
    overrides = given(bench)  # type: ignore[operator]
    if guard == "pinned_models":
        overrides = (*overrides, "judge.model=claude-haiku-4-5-20251001")
    ended = bench.run(*overrides, f"guard.{guard}.mode={mode}")

    assert ended.status == 0, ended.err
    assert bench.manifest["guards"][guard] == status
    card = (bench.out / "README.md").read_text(encoding="utf-8")
    assert (guard in card) or mode == "off"


def test_all_guards_that_fire_are_told_at_once(bench: Workbench) -> None:
    overrides = contaminated(bench)
    ended = bench.run(*overrides, ALIAS, "judge.model=claude-opus-4-5")

    assert ended.status == 2
    for guard in ("judge_independence", "pinned_models", "contamination"):
        assert f"guard.{guard}" in ended.err
    assert "judge.via.allow_alias=true" in ended.err


def test_an_alias_that_is_allowed_may_be_served_by_its_snapshot(bench: Workbench) -> None:
    from fake_api import Message, good_answer

    bench.api.teacher = lambda prompt, body, attempt: Message(
        good_answer(prompt, body, attempt), model="claude-opus-4-5-20251101"
    )
    ended = bench.run(ALIAS, "teacher.allow_alias=true")

    assert ended.status == 0, ended.err
    assert bench.manifest["teacher"]["served"] == ["claude-opus-4-5-20251101"]


def test_an_alias_judge_is_the_teacher_under_another_name(bench: Workbench) -> None:
    ended = bench.run("judge.model=claude-opus-4-5", "judge.via.allow_alias=true")

    assert ended.status == 2
    assert "guard.judge_independence" in ended.err


def test_without_guards_nothing_is_watched(bench: Workbench) -> None:
    overrides = contaminated(bench)
    ended = bench.run(*overrides, ALIAS, "guard=none")

    assert ended.status == 0, ended.err
    assert bench.manifest["guards"] == {}


def test_a_held_out_question_never_reaches_a_model(bench: Workbench) -> None:
    bench.write("heldout.jsonl", HELDOUT[:1])
    ended = bench.run("heldout.path=heldout.jsonl")

    assert ended.status == 0, ended.err
    assert bench.manifest["inputs"]["heldout"]["rows"] == 1
    assert not any(HELDOUT[0]["question"] in prompt for prompt in bench.api.prompts("teacher"))
    assert not any(HELDOUT[0]["question"] in prompt for prompt in bench.api.prompts("judge"))


RECITED = "Of the nine hundred boats in the harbour how many had left by noon on that day?"


@pytest.mark.parametrize(("mode", "status"), [("error", 2), ("warn", 0)])
def test_a_teacher_that_recites_a_held_out_question_is_found_before_anything_is_trained(
    bench: Workbench, mode: str, status: int
) -> None:
    from fake_api import good_answer

    bench.write("heldout.jsonl", [{"id": "h0", "question": RECITED, "reference_answer": "x"}])
    bench.api.teacher = lambda prompt, body, attempt: (
        f"{good_answer(prompt, body, attempt)} {RECITED}"
    )
    ended = bench.run("heldout.path=heldout.jsonl", f"guard.contamination.mode={mode}")

    assert ended.status == status, ended.err
    assert not ended.has_traceback
    if mode == "error":
        assert "held-out h0 shares 100% of its words with row s0" in ended.err
        assert bench.ledger.exists()
        # The answer that recites it is in no other file.
        assert sorted(bench.files(bench.out)) == [
            "stopped_by_guard/examples.parquet",
            "stopped_by_guard/findings.json",
        ]
        rows = pl.read_parquet(bench.out / "stopped_by_guard" / "examples.parquet")
        assert rows.filter(id="s0")["answer"].str.contains(RECITED, literal=True).all()
    else:
        assert bench.manifest["guards"]["contamination"] == "warn"


def test_evidence_that_is_cut_on_the_screen_is_whole_in_the_file(bench: Workbench) -> None:
    asked = [f"What is question {i}?" for i in range(120)]
    bench.write("seeds.jsonl", [{"question": q} for q in asked])
    bench.write("heldout.jsonl", [{"question": q, "reference_answer": "x"} for q in asked])
    ended = bench.run("heldout.path=heldout.jsonl")

    findings = json.loads((bench.out / "stopped_by_guard" / "findings.json").read_text("utf-8"))
    assert "… and 20 more" in ended.err
    assert len(findings["contamination"]["rows"]) == 120


def test_a_stopped_run_leaves_an_earlier_one_and_a_finished_one_takes_its_evidence_away(
    bench: Workbench,
) -> None:
    assert bench.run().status == 0
    whole = bench.files(bench.out)
    assert bench.run(*contaminated(bench)).status == 2
    left = bench.files(bench.out)
    assert left.pop("stopped_by_guard/findings.json")
    assert left == whole

    assert bench.run().status == 0
    assert sorted(bench.files(bench.out)) == sorted(whole)
    assert not (bench.out / "stopped_by_guard").exists()


def test_a_folder_that_cannot_be_written_hides_no_finding(bench: Workbench) -> None:
    (bench.folder / "runs").write_text("a file")
    ended = bench.run(*contaminated(bench))

    assert ended.status == 2
    assert not ended.has_traceback
    assert "guard.contamination" in ended.err
    assert "could not be written to runs/one/stopped_by_guard" in ended.err


@embed
def test_what_is_near_in_meaning_waits_in_a_file_and_stops_nothing(bench: Workbench) -> None:
    near = "In Python, explain how the collection of garbage works, please."
    bench.write("heldout.jsonl", [{"id": "h0", "question": near, "reference_answer": "x"}])
    ended = bench.run("heldout.path=heldout.jsonl", "guard.contamination.near=0.8")

    assert ended.status == 0, ended.err
    assert "Review   runs/one/review.jsonl" in ended.out
    (line,) = bench.lines("review.jsonl")
    assert list(line) == ["id", "question", "answer", "stage", "reason", "evidence"]
    assert (line["id"], line["question"]) == ("s1", QUESTIONS[1])
    assert line["evidence"].endswith(f"with held-out h0: {near}")
    assert bench.manifest["review"] == {"guard/contamination": 1}
    assert bench.manifest["guards"]["contamination"] == "pass"
    assert "1 row waits for review" in (bench.out / "README.md").read_text(encoding="utf-8")
    assert "1 row waits for review" in (bench.out / "report.html").read_text(encoding="utf-8")

    # Repeated in the same folder without it, the run leaves no file of the earlier one.
    digest = bench.manifest["config_sha256"]
    ended = bench.run("heldout.path=heldout.jsonl")
    assert ended.status == 0, ended.err
    assert not (bench.out / "review.jsonl").exists()
    assert "review" not in bench.manifest
    assert bench.manifest["config_sha256"] == digest


def test_what_warned_before_is_still_a_warning_when_the_dataset_is_clean() -> None:
    from distill.guards import Finding
    from distill.stages.guard import GuardResult, merged

    early = Finding(fires=True, sentence="One.", rows=("a",), hint="mend")
    late = Finding(fires=False, sentence="None.")
    both = merged(
        {"x": GuardResult(status="warn", finding=early)},
        {"x": GuardResult(status="pass", finding=late)},
    )

    assert both["x"].status == "warn"
    assert both["x"].finding == Finding(fires=True, sentence="One. None.", rows=("a",), hint="mend")

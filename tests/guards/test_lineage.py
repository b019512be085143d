from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
import yaml
from tables import claude, seeds_table

from distill.build import build
from distill.config import compose
from distill.guards import Evidence, Finding, Lineage
from distill.guards.lineage import family_of
from distill.paths import conf_dir
from distill.record import RunRecord
from distill.records import Records
from distill.run import evidence_of
from distill.stages.guard import look as look_at


def look(
    teacher: str, judge: str | None, student_base: str | None = None, student: str | None = None
) -> Finding:
    judging: Any = None if judge is None else claude(model=judge)
    seen = Evidence(
        teacher=claude(model=teacher),
        judge=judging,
        table=seeds_table("a"),
        heldout=None,
        student_base=student,
    )
    return Lineage(mode="error", student_base=student_base).look(seen)


STOPS, WARNS, PASSES = "fail", "warn", "pass"


@pytest.mark.parametrize(
    ("teacher", "judge", "status", "words"),
    [
        ("Qwen/Qwen2.5-7B-Instruct", "qwen2.5-72b-instruct", STOPS, "same base, qwen2.5"),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "qwen2.5-7b", STOPS, "same base, qwen2.5"),
        ("qwen2.5:7b-instruct", "Qwen/Qwen2.5-Math-7B", STOPS, "same base, qwen2.5"),
        ("llama3.1:8b", "meta-llama/Meta-Llama-3-8B", STOPS, "same base, llama-3"),
        ("claude-opus-4-5", "claude-sonnet-4-6", WARNS, "same vendor, anthropic"),
        ("qwen2.5-7b", "qwen3-8b", WARNS, "same vendor, alibaba"),
        ("deepseek-r1:7b", "qwen2.5-7b", PASSES, "lineage of teacher.model deepseek-r1:7b is unkn"),
        ("claude-opus-4-5", "gpt-4.1", PASSES, "No two models share a base or a vendor."),
        ("claude-opus-4-5", "own-model", PASSES, "lineage of judge.model own-model is unknown"),
        ("claude-opus-4-5", None, PASSES, "no second model"),
        # For judge_independence, which has a mode of its own.
        ("claude-opus-4-5", "claude-opus-4-5-20251101", PASSES, "are the same model"),
        ("own-model", "own-model", PASSES, "are the same model"),
    ],
)
def test_the_same_base_stops_and_the_same_vendor_warns(
    teacher: str, judge: str | None, status: str, words: str
) -> None:
    found = look(teacher, judge)

    assert {STOPS: not found.mild, WARNS: found.mild, PASSES: True}[status]
    assert found.fires == (status != PASSES)
    assert words.lower() in " ".join((found.sentence, *found.rows)).lower()


def test_a_student_that_says_its_base_needs_no_declaration() -> None:
    found = look("Qwen/Qwen3-32B", "gpt-4.1", "gemma-3-1b", student="Qwen/Qwen3-0.6B")

    assert found.fires
    assert not found.mild
    assert found.rows == (
        "teacher.model Qwen/Qwen3-32B and student.base Qwen/Qwen3-0.6B have the same base, qwen3",
    )
    assert not look("Qwen/Qwen3-32B", "gpt-4.1", student="google/gemma-3-1b-it").fires


def test_a_student_that_is_tuned_from_its_teacher_itself_stops() -> None:
    found = look("own-model", None, "own-model")

    assert found.fires
    assert found.rows[0] == (
        "teacher.model own-model and guard.lineage.student_base own-model are the same model"
    )


def test_a_warning_of_a_guard_that_stops_does_not_stop() -> None:
    guards: dict[str, Any] = {"lineage": Lineage(mode="error", student_base=None)}
    seen = Evidence(
        teacher=claude(model="claude-opus-4-5"),
        judge=claude(model="claude-sonnet-4-6"),
        table=seeds_table("a"),
        heldout=None,
    )
    assert {name: one.status for name, one in look_at(guards, seen, when="before").items()} == {
        "lineage": "warn"
    }


def test_every_family_names_its_source_and_ids_in_lower_case() -> None:
    text = (conf_dir() / "lineage.yaml").read_text(encoding="utf-8")
    for pattern, family in yaml.safe_load(text)["families"].items():
        assert pattern == pattern.lower()
        assert set(family) == {"base", "vendor", "read", "source"}
        assert family["source"]


def test_a_declared_base_of_the_student_is_compared_with_both() -> None:
    found = look("claude-opus-4-5", "qwen3-8b", "Qwen/Qwen3-0.6B")

    assert found.fires
    assert found.rows == (
        "judge.model qwen3-8b and guard.lineage.student_base Qwen/Qwen3-0.6B have the same base, "
        "qwen3",
    )
    assert not look("claude-opus-4-5", "gpt-4.1", "Qwen/Qwen3-0.6B").fires


def test_the_first_family_that_matches_counts() -> None:
    family = family_of("deepseek-ai/DeepSeek-R1-Distill-Llama-70B")
    assert family is not None
    assert (family.base, family.vendor) == ("llama-3", "deepseek")


def test_the_base_that_a_student_names_reaches_the_guards() -> None:
    @dataclass(frozen=True)
    class Tuned:
        base: str = "Qwen/Qwen3-0.6B"

    plan = build(compose(["seeds.path=-"]))
    records = Records(frame=seeds_table("a"), sha256="", source="-")

    def record_of(student: Any) -> RunRecord:
        return RunRecord(
            plan=replace(plan, student=student),
            started_at="",
            seeds=records,
            heldout=None,
            table=records.frame,
            guards={},
            funnel={},
        )

    assert evidence_of(record_of(Tuned())).student_base == "Qwen/Qwen3-0.6B"
    assert evidence_of(record_of(None)).student_base is None

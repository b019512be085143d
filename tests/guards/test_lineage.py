from __future__ import annotations

from typing import Any

import pytest
from tables import claude, seeds_table

from distill.guards import Evidence, Finding, Lineage
from distill.guards.lineage import family_of


def look(teacher: str, judge: str | None, student_base: str | None = None) -> Finding:
    judging: Any = None if judge is None else claude(model=judge)
    seen = Evidence(
        teacher=claude(model=teacher), judge=judging, table=seeds_table("a"), heldout=None
    )
    return Lineage(mode="error", student_base=student_base).look(seen)


@pytest.mark.parametrize(
    ("teacher", "judge", "fires", "words"),
    [
        ("Qwen/Qwen2.5-7B-Instruct", "qwen2.5-72b-instruct", True, "same base, qwen2.5"),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "qwen2.5-7b", True, "same base, qwen2.5"),
        ("claude-opus-4-5", "claude-opus-4-5-20251101", True, "the same model"),
        ("own-model", "own-model", True, "the same model"),
        ("claude-opus-4-5", "claude-sonnet-4-6", False, "same vendor, anthropic"),
        ("qwen2.5-7b", "qwen3-8b", False, "same vendor, alibaba"),
        ("claude-opus-4-5", "gpt-4.1", False, "No two models share a base or a vendor."),
        ("claude-opus-4-5", "own-model", False, "lineage of judge.model own-model is unknown"),
        ("claude-opus-4-5", None, False, "no second model"),
    ],
)
def test_the_same_base_fires_and_the_same_vendor_is_said(
    teacher: str, judge: str | None, fires: bool, words: str
) -> None:
    found = look(teacher, judge)

    assert found.fires == fires
    assert words.lower() in " ".join((found.sentence, *found.rows)).lower()


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

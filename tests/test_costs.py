"""What a kept row costs, and what a run would have cost without the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from fake_api import CUT, Message, good_answer
from workbench import QUESTIONS, Workbench

from distill.costs import per_row_usd
from distill.report.cost import cost_notes, cost_sentence

ONE_USD = 100 * 5e-6 + 200 * 25e-6
JUDGED_USD = 1000 * 3e-6 + 100 * 15e-6


def metered(prompt: str, body: Mapping[str, Any], attempt: int) -> Message:
    # Too short for the filters where it is about metals.
    answer = "Short." if "metals" in prompt else good_answer(prompt, body, attempt)
    return Message(answer, input_tokens=100, output_tokens=200)


def graded(*_: Any) -> Message:
    grades = '{"reason": "r", "accuracy": 5, "completeness": 5, "clarity": 5}'
    return Message(grades, input_tokens=1000, output_tokens=100)


@pytest.fixture
def spending(bench: Workbench) -> Workbench:
    bench.api.teacher, bench.api.grade = metered, graded
    return bench


def test_a_kept_row_bears_what_the_rejected_ones_cost(spending: Workbench) -> None:
    ended = spending.run()

    manifest, kept = spending.manifest, len(QUESTIONS) - 1
    total_usd = len(QUESTIONS) * ONE_USD + kept * JUDGED_USD
    assert manifest["rows"] == kept
    assert manifest["cost_per_row_usd"] == pytest.approx(total_usd / kept, abs=1e-6)
    assert manifest["cost_if_uncached_usd"] == pytest.approx(total_usd, abs=1e-6)
    assert "a kept row, 5 rows from the teacher." in ended.out
    assert "Without the ledger" not in ended.out
    card = (spending.out / "README.md").read_text(encoding="utf-8")
    assert "This run paid for 11 responses" in card
    assert "a kept row" in (spending.out / "report.html").read_text(encoding="utf-8")


def test_a_cached_run_says_what_its_dataset_would_have_cost(spending: Workbench) -> None:
    spending.run()
    whole_usd = spending.manifest["cost_if_uncached_usd"]

    ended = spending.run()

    assert spending.manifest["teacher"]["cost_usd"] == 0
    assert spending.manifest["cost_per_row_usd"] == 0
    assert spending.manifest["cost_if_uncached_usd"] == whole_usd > 0
    assert f"Without the ledger it would have cost ${whole_usd:.2f}" in ended.out


def test_an_unknown_price_is_null_everywhere(spending: Workbench) -> None:
    ended = spending.run("teacher.model=claude-unheard-of")

    assert ended.status == 0, ended.err
    assert spending.manifest["cost_per_row_usd"] is None
    assert spending.manifest["cost_if_uncached_usd"] is None
    assert "a price is not known" in (spending.out / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("cost_usd", "rows", "row_usd"), [(3.0, 2, 1.5), (0.0, 2, 0.0), (None, 2, None), (3.0, 0, None)]
)
def test_without_rows_or_a_price_there_is_no_price_of_a_row(
    cost_usd: float | None, rows: int, row_usd: float | None
) -> None:
    assert per_row_usd(cost_usd, rows) == row_usd


def test_attempts_that_may_have_been_billed_stand_beside_the_cost(spending: Workbench) -> None:
    spending.api.teacher = lambda prompt, body, attempt: (
        CUT if "vaccines" in prompt else metered(prompt, body, attempt)
    )
    ended = spending.run()

    teacher = spending.manifest["teacher"]
    assert (teacher["lost"], teacher["failed"]) == (1, 1)
    assert teacher["cost_usd"] == pytest.approx(5 * ONE_USD, abs=1e-6)
    assert teacher["maybe_usd"] > 1024 * 25e-6
    assert "1 attempt without an answer may have been billed" in ended.out


def test_the_notes_say_nothing_of_what_did_not_happen() -> None:
    role = {"requests": 2, "cached": 0, "cost_usd": 0.5}
    manifest = {"rows": 0, "real_rows": 0, "teacher": role, "cost_per_row_usd": None}

    assert cost_notes(manifest) == []
    assert cost_sentence(manifest) == "This run paid for 2 responses ($0.50); 0 were cached."

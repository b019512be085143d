"""Rows in doubt come out with their evidence, in one order, and are counted wherever limits are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from tables import answered_table

from distill.folder import RUN_FILES
from distill.guards import Finding
from distill.review import (
    no_review,
    review_counts,
    review_frame,
    review_rows,
    reviewed_by_filters,
    write_review,
)
from distill.stages.guard import GuardResult, merged
from distill.table import REVIEW_COLUMNS, drop


@dataclass(frozen=True)
class Doubtful:
    """A filter of somebody's own, with a policy."""

    policy: str

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        return table["answer"].str.contains("perhaps")


def line(row: str, reason: str = "near", evidence: str | None = "cosine 0.95") -> dict[str, str]:
    cells = [row, f"question {row}", "é", "guard", reason, evidence]
    return dict(zip(REVIEW_COLUMNS, cells, strict=True))  # type: ignore[arg-type]


def found(*rows: str, reason: str = "near") -> GuardResult:
    review = review_frame(line(row, reason) for row in rows)
    return GuardResult(status="pass", finding=Finding(fires=False, sentence="…", review=review))


def fallen() -> pl.DataFrame:
    table = answered_table(["yes", "perhaps", "no", "perhaps not"])
    table = drop(table, pl.col("id").is_in(["r3", "r1"]), stage="filter", reason="doubt")
    table = table.with_columns(detail=pl.when(id="r1").then(pl.lit("says perhaps")))
    return drop(table, pl.col("id") == "r2", stage="judge", reason="doubt")


def test_rows_of_a_filter_whose_policy_is_review_are_listed_with_their_detail() -> None:
    rows = reviewed_by_filters(fallen(), {"doubt": Doubtful("review")})

    assert rows.schema == pl.Schema(REVIEW_COLUMNS)
    assert rows["id"].to_list() == ["r1", "r3"]
    assert rows.row(0) == ("r1", "r1", "perhaps", "filter", "doubt", "says perhaps")
    assert rows["evidence"].to_list() == ["says perhaps", None]


@pytest.mark.parametrize("policy", ["drop", "keep"])
def test_rows_that_a_filter_decides_on_by_itself_wait_for_nobody(policy: str) -> None:
    assert reviewed_by_filters(fallen(), {"doubt": Doubtful(policy)}).equals(no_review())


def test_the_filters_rows_come_first_and_then_those_of_each_guard_in_their_order() -> None:
    guards = {
        "second": found("b", "a"),
        "off": GuardResult(status="off", finding=None),
        "silent": GuardResult(status="pass", finding=Finding(fires=False, sentence="…")),
        "first": found("a", reason="far"),
    }
    rows = review_rows(fallen(), {"doubt": Doubtful("review")}, guards)

    assert rows["id"].to_list() == ["r1", "r3", "b", "a", "a"]
    assert review_counts(rows) == {"filter/doubt": 2, "guard/far": 1, "guard/near": 2}


@pytest.mark.parametrize("status", ["pass", "warn"])
def test_a_guard_that_looks_twice_has_what_it_saw_last_reviewed(status: str) -> None:
    early, late = found("seed"), found("row")
    assert early.finding is not None
    early = GuardResult(
        status=status,  # type: ignore[arg-type]
        finding=Finding(fires=status == "warn", sentence="…", review=early.finding.review),
    )
    finding = merged({"x": early}, {"x": late})["x"].finding

    assert finding is not None
    assert finding.review is not None
    assert finding.review["id"].to_list() == ["row"]


def test_the_file_has_the_same_keys_in_every_line_and_letters_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "review.jsonl"
    write_review(review_frame([line("a"), line("b", evidence=None)]), path)
    text = path.read_text(encoding="utf-8")

    lines = [json.loads(one) for one in text.splitlines()]
    assert [list(one) for one in lines] == [list(REVIEW_COLUMNS)] * 2
    assert lines[1]["evidence"] is None
    assert '"answer": "é"' in text
    assert path.name in RUN_FILES


def test_without_a_row_there_is_no_file(tmp_path: Path) -> None:
    write_review(no_review(), tmp_path / "review.jsonl")
    assert list(tmp_path.iterdir()) == []

"""What is told first of two tables that differ."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.reproduce.differ import SHOWN_CHARS, TOLERANCE, difference, excerpts
from distill.reproduce.stored import COLUMNS


def table(*changes: dict[str, Any], rows: int = 4) -> pl.DataFrame:
    """Return rows that are in, each changed by the mapping in its place."""
    cells = [
        {
            "id": f"r{i}",
            "seed_id": f"r{i}",
            "sample": 0,
            "question": f"question {i}",
            "origin": "human",
            "source": "teacher",
            "request_key": f"k{i}",
            "answer": f"answer {i}",
            "label_probs": [0.25, 0.75],
            "score": 0.5,
        }
        for i in range(rows)
    ]
    for cell, change in zip(cells, changes, strict=False):
        cell.update(change)
    return pl.DataFrame(cells, schema=COLUMNS)


def test_equal_tables_do_not_differ() -> None:
    assert difference(table(), table()) is None


def test_the_first_row_and_field_are_told_with_the_number_of_rows() -> None:
    found = difference(table({}, {"answer": "x"}, {"answer": "y"}), table())

    assert found is not None
    assert (found.row, found.field, found.stage) == ("r1", "answer", "generate")
    assert (found.rebuilt, found.stored) == ("'x'", "'answer 1'")
    assert (found.total, found.of) == (2, 4)


def test_an_earlier_stage_comes_before_an_earlier_row() -> None:
    found = difference(table({"score": 0.1}, {}, {"answer": "x", "score": 0.1}), table())

    assert found is not None
    assert (found.row, found.field, found.stage) == ("r2", "answer", "generate")
    assert found.rows == {"generate": 1, "judge": 1}


@pytest.mark.parametrize(
    ("change", "field", "stage"),
    [
        pytest.param({"question": "x"}, "question", "seeds", id="seeds"),
        pytest.param({"source": "real"}, "source", "seeds", id="drawn as real"),
        pytest.param({"request_key": "x", "answer": "y"}, "request_key", "generate", id="request"),
        pytest.param({"served_model": "x"}, "served_model", "generate", id="model"),
        pytest.param({"label_probs": [0.3, 0.7]}, "label_probs", "generate", id="label probs"),
        pytest.param({"label_probs": None}, "label_probs", "generate", id="no label probs"),
        pytest.param({"label_probs": [1.0]}, "label_probs", "generate", id="one label fewer"),
        pytest.param({"stage": "generate", "reason": "empty"}, "stage", "generate", id="empty"),
        pytest.param({"detail": "x"}, "detail", "generate", id="detail"),
        pytest.param({"stage": "filter", "reason": "min_words"}, "stage", "filter", id="filter"),
        pytest.param({"score": None}, "score", "judge", id="unscored"),
        pytest.param({"judge_key": "x"}, "judge_key", "judge", id="judge key"),
        pytest.param({"stage": "judge", "reason": "x"}, "stage", "judge", id="judge"),
        pytest.param({"stage": "select", "reason": "x"}, "stage", "select", id="select"),
    ],
)
def test_the_stage_that_made_a_cell_is_named(
    change: dict[str, Any], field: str, stage: str
) -> None:
    for rebuilt, stored in ((table({}, change), table()), (table(), table({}, change))):
        found = difference(rebuilt, stored)
        assert found is not None
        assert (found.row, found.field, found.stage) == ("r1", field, stage)


def test_a_row_that_falls_out_earlier_is_the_earlier_stages() -> None:
    early = {"stage": "filter", "reason": "min_words"}
    late = {"stage": "judge", "reason": "below_threshold"}

    for rebuilt, stored in ((early, late), (late, early)):
        found = difference(table(rebuilt), table(stored))
        assert found is not None
        assert (found.stage, found.reason) == ("filter", "min_words")


def test_the_rounding_of_another_processor_is_no_difference() -> None:
    near = {"score": 0.5 + TOLERANCE / 2, "label_probs": [0.25 + TOLERANCE / 2, 0.75]}
    far = {"score": 0.5 + 10 * TOLERANCE}

    assert difference(table(near), table()) is None
    assert difference(table(far), table()) is not None


@pytest.mark.parametrize(
    ("rebuilt", "stored", "row", "stage"),
    [
        pytest.param(table(rows=3), table(rows=4), "r3", "seeds", id="a row fewer"),
        pytest.param(table(rows=4), table(rows=3), "r3", "seeds", id="a row more"),
        pytest.param(table({}, {"id": "r0#1"}), table(), "r1", "generate", id="another sample"),
        pytest.param(table().reverse(), table(), "r0", "seeds", id="another order"),
    ],
)
def test_other_rows_are_told_by_the_first_that_is_not_in_its_place(
    rebuilt: pl.DataFrame, stored: pl.DataFrame, row: str, stage: str
) -> None:
    found = difference(rebuilt, stored)

    assert found is not None
    assert (found.row, found.field, found.stage) == (row, "id", stage)
    assert found.total > 0


def test_long_texts_are_shown_from_where_they_part() -> None:
    here, there = excerpts("a" * 500 + "X" + "b" * 500, "a" * 500 + "Y" + "b" * 500)

    assert here.startswith("'…aaa")
    assert "X" in here
    assert "Y" in there
    assert len(here) < SHOWN_CHARS + 10


@given(st.text(), st.text())
def test_excerpts_of_different_texts_are_printable(a: str, b: str) -> None:
    for shown in excerpts(a, b):
        assert shown.isprintable()

"""Rows of two datasets, matched."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from compared_runs import answers, fallen, make_run
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.compare.rows import RowsCompared, compare_rows
from distill.compare.side import Side, read_side

Rows = list[dict[str, Any]]


@pytest.fixture
def compared(tmp_path: Path) -> Any:
    def make(a: Rows, b: Rows, examples: int = 5) -> RowsCompared:
        sides = [
            read_side(make_run(tmp_path / name, rows, side=name))
            for name, rows in (("a", a), ("b", b))
        ]
        return compare_rows(sides[0], sides[1], examples=examples)

    return make


def test_the_same_rows_are_identical(compared: Any) -> None:
    rows = compared(answers(5), answers(5))
    assert rows.identical
    assert (rows.same, rows.changed, rows.rows_only_a, rows.rows_only_b) == (5, 0, 0, 0)


def test_the_same_rows_in_another_order_are_not(compared: Any) -> None:
    rows = compared(answers(5), answers(5)[::-1])
    assert (rows.same, rows.same_order, rows.identical) == (5, False, False)


def test_a_changed_answer_is_shown_with_both(compared: Any) -> None:
    b = answers(5)
    b[2]["answer"] = "another"
    rows = compared(answers(5), b)
    assert (rows.same, rows.changed) == (4, 1)
    (change,) = rows.changes
    assert (change.id, change.a, change.b) == ("s2", answers(5)[2]["answer"], "another")


def test_another_rationale_alone_is_no_other_answer_but_is_counted(compared: Any) -> None:
    a, b = answers(3), answers(3)
    a[0]["rationale"], b[0]["rationale"] = "because", "since"
    rows = compared(a, b)
    assert (rows.same, rows.changed, rows.reasoned_otherwise) == (3, 0, 1)
    assert not rows.identical


def test_a_missing_row_is_told_with_what_became_of_it(compared: Any) -> None:
    a, b = answers(6), answers(6)
    b[1] = fallen(b[1], "judge", "below_threshold", score=0.3, judge_reason="too vague")
    b[4] = fallen(b[4], "filter", "min_words")
    del b[5]
    rows = compared(a, b)
    assert dict(rows.why_not_in_b) == {
        "filter/min_words": 1,
        "judge/below_threshold": 1,
        "not_asked": 1,
    }
    assert [(row.id, row.why) for row in rows.only_a] == [
        ("s1", "judge/below_threshold"),
        ("s4", "filter/min_words"),
        ("s5", "not_asked"),
    ]
    assert (rows.only_a[0].score, rows.only_a[0].detail) == (0.3, "too vague")
    assert rows.only_b == ()


def test_rows_that_fell_out_on_both_sides_are_in_neither(compared: Any) -> None:
    gone = fallen(answers(1)[0], "filter", "min_words")
    rows = compared([gone], [gone])
    assert (rows.a, rows.b, rows.both) == (0, 0, 0)


def test_an_id_that_means_another_question_is_no_match(compared: Any) -> None:
    a, b = answers(2), answers(2)
    b[0]["question"] = "Something else?"
    rows = compared(a, b)
    assert (rows.both, rows.rows_only_a, rows.rows_only_b) == (1, 1, 1)
    assert rows.only_a[0].why == "not_asked"


def test_rows_with_other_ids_are_matched_by_question(compared: Any) -> None:
    b = [{**row, "id": f"line-{i}"} for i, row in enumerate(answers(4))]
    rows = compared(answers(4), b)
    assert (rows.same, rows.by_question) == (4, 4)


def test_samples_of_one_question_are_matched_one_to_one(compared: Any) -> None:
    first = answers(1)[0]
    a = [first, {**first, "id": "s0#1"}, {**first, "id": "s0#2"}]
    rows = compared(a, [first])
    assert (rows.both, rows.rows_only_a) == (1, 2)
    assert dict(rows.why_not_in_b) == {"other_row": 2}


def test_only_so_many_examples_are_shown_and_all_are_counted(compared: Any) -> None:
    rows = compared(answers(30), [], 3)
    assert (rows.rows_only_a, len(rows.only_a)) == (30, 3)
    assert dict(rows.why_not_in_b) == {"not_asked": 30}
    assert [row.id for row in rows.only_a] == ["s0", "s1", "s2"]


def test_empty_datasets_can_be_compared(compared: Any) -> None:
    assert compared([], []).identical


ROW = st.tuples(
    st.sampled_from(["s0", "s1", "s2", "s3"]),
    st.sampled_from(["q0", "q1", "q2"]),
    st.sampled_from(["x", "y"]),
    st.sampled_from([None, "judge", "filter"]),
)


def as_side(rows: list[tuple[str, str, str, str | None]]) -> Side:
    import polars as pl

    from distill.compare.figures import Figures
    from distill.compare.side import TABLE_COLUMNS

    cells = [
        {"id": i, "question": q, "answer": a, "stage": s, "reason": s and "r"}
        for i, q, a, s in rows
    ]
    table = pl.DataFrame(cells, schema={**TABLE_COLUMNS})
    figures = Figures(run_id="x", dataset_sha256="d", config_sha256="c", rows=len(rows))
    return Side(name="x", figures=figures, config={}, table=table, heldout=None)


@settings(max_examples=60, deadline=None)
@given(st.lists(ROW, max_size=12), st.lists(ROW, max_size=12))
def test_every_row_is_counted_once_and_sides_can_be_exchanged(
    left: list[tuple[str, str, str, str | None]], right: list[tuple[str, str, str, str | None]]
) -> None:
    a, b = as_side(left), as_side(right)
    one, other = compare_rows(a, b, examples=99), compare_rows(b, a, examples=99)
    assert one.same + one.changed + one.rows_only_a == a.dataset.height
    assert one.both == other.both
    assert (one.rows_only_a, one.rows_only_b) == (other.rows_only_b, other.rows_only_a)
    assert sum(one.why_not_in_b.values()) == one.rows_only_a == len(one.only_a)
    assert sum(one.why_not_in_a.values()) == one.rows_only_b == len(one.only_b)
    assert one.why_not_in_a == other.why_not_in_b


@settings(max_examples=30, deadline=None)
@given(st.lists(ROW, max_size=12), st.randoms(use_true_random=False))
def test_a_dataset_against_itself_shuffled_lacks_nothing(
    rows: list[tuple[str, str, str, str | None]], rng: random.Random
) -> None:
    shuffled = list(rows)
    rng.shuffle(shuffled)
    found = compare_rows(as_side(rows), as_side(shuffled), examples=0)
    assert found.rows_only_a == found.rows_only_b == 0

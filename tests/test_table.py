from __future__ import annotations

from typing import Any

import polars as pl
from tables import seeds_table

from distill.table import (
    GENERATED_COLUMNS,
    JUDGED_COLUMNS,
    SEED_COLUMNS,
    add_columns,
    count_in,
    drop,
    fill,
    is_in,
    rejected_counts,
    to_ask,
)


def test_a_row_that_falls_out_stays_with_its_stage_and_reason() -> None:
    table = seeds_table("a", "b", "c")
    fallen = drop(table, pl.col("id") == "b", stage="filter", reason="short")

    assert fallen.height == 3
    assert fallen.select("id", "stage", "reason").rows() == [
        ("a", None, None),
        ("b", "filter", "short"),
        ("c", None, None),
    ]
    assert count_in(fallen) == 2
    assert rejected_counts(fallen) == {"filter/short": 1}


def test_the_first_reason_counts() -> None:
    table = drop(seeds_table("a"), pl.lit(value=True), stage="filter", reason="first")
    table = drop(table, pl.lit(value=True), stage="judge", reason="second")

    assert table.select("stage", "reason").rows() == [("filter", "first")]


def test_null_drops_nothing() -> None:
    table = drop(seeds_table("a", "b"), pl.Series([None, True]), stage="s", reason="r")

    assert table["stage"].to_list() == [None, "s"]


def test_cells_are_filled_by_id_and_the_order_stays() -> None:
    rows: list[dict[str, Any]] = [{"id": "c", "answer": "C"}, {"id": "a", "answer": "A"}]
    table = fill(seeds_table("a", "b", "c"), rows, {"answer": pl.String})

    assert table.select("id", "answer").rows() == [("a", "A"), ("b", None), ("c", "C")]
    assert fill(table, [], {"answer": pl.String}).equals(table)


def test_filling_keeps_what_was_there_where_nothing_new_comes() -> None:
    table = fill(seeds_table("a", "b"), [{"id": "a", "answer": "1"}], {"answer": pl.String})
    table = fill(table, [{"id": "b", "answer": "2"}], {"answer": pl.String})

    assert table["answer"].to_list() == ["1", "2"]


def test_columns_that_are_missing_are_added_with_their_type() -> None:
    table = add_columns(seeds_table("a"), GENERATED_COLUMNS | JUDGED_COLUMNS)

    assert dict(table.schema) == SEED_COLUMNS | GENERATED_COLUMNS | JUDGED_COLUMNS
    assert add_columns(table, GENERATED_COLUMNS).equals(table)


def test_only_rows_that_are_in_and_not_real_are_asked() -> None:
    table = seeds_table("a", "b", "c").with_columns(
        source=pl.Series(["teacher", "real", "teacher"])
    )
    table = drop(table, pl.col("id") == "c", stage="s", reason="r")

    assert table.filter(to_ask())["id"].to_list() == ["a"]
    assert table.filter(is_in())["id"].to_list() == ["a", "b"]


def test_counts_are_sorted_by_name_whatever_the_order() -> None:
    table = seeds_table("a", "b", "c")
    table = drop(table, pl.col("id") == "a", stage="judge", reason="z")
    table = drop(table, pl.col("id") == "b", stage="filter", reason="y")

    assert list(rejected_counts(table).items()) == [("filter/y", 1), ("judge/z", 1)]
    assert rejected_counts(table.clear()) == {}
    assert count_in(table.clear()) == 0

"""A floor on the share of real questions."""

from __future__ import annotations

import polars as pl
import pytest
from tables import answered_table

from distill.config import compose
from distill.reproduce.rebuild import plan_of
from distill.selectors import RandomRows, TopRows
from distill.selectors.floor import most_synthetic
from distill.stages.select import select
from distill.table import JUDGED_COLUMNS, add_columns, is_in


def rows(origins: str, scores: list[float | None]) -> pl.DataFrame:
    """Return one row a letter: h human, l log, s synthetic."""
    names = {"h": "human", "l": "log", "s": "synthetic"}
    table = answered_table(["x"] * len(origins), origin=[names[letter] for letter in origins])
    return add_columns(table, JUDGED_COLUMNS).with_columns(
        score=pl.Series(scores, dtype=pl.Float64)
    )


def kept(table: pl.DataFrame, floor: float | None, seed: int = 0) -> list[str]:
    chosen = select(table, TopRows(max_rows=None, min_real_share=floor), seed=seed)
    fallen = chosen.filter(~is_in())
    assert set(fallen["reason"]) <= {"real_share"}
    assert set(fallen["stage"]) <= {"select"}
    return chosen.filter(is_in())["id"].to_list()


def test_the_worst_synthetic_rows_go_until_the_floor_holds() -> None:
    table = rows("hlssss", [0.1, 0.1, 0.9, None, 0.7, 0.8])

    assert kept(table, None) == kept(table, 0) == [f"r{i}" for i in range(6)]
    assert kept(table, 0.5) == ["r0", "r1", "r2", "r5"]
    assert kept(table, 0.6) == ["r0", "r1", "r2"]
    assert kept(table, 1) == ["r0", "r1"]


def test_a_floor_that_holds_takes_nothing() -> None:
    assert len(kept(rows("hhs", [1, 1, 0]), 0.66)) == 3
    assert len(kept(rows("hhs", [1, 1, 0]), 0.67)) == 2


def test_rows_that_score_the_same_go_by_a_draw_of_the_seed_wherever_they_stand() -> None:
    table = rows("h" + "s" * 20, [1.0] * 21)
    drawn = {seed: kept(table, 0.2, seed) for seed in range(5)}

    assert {len(one) for one in drawn.values()} == {5}
    assert drawn[3] == kept(table, 0.2, 3)
    assert len({tuple(one) for one in drawn.values()}) > 1
    backwards = kept(table.reverse(), 0.2, 3)
    assert sorted(backwards) == sorted(drawn[3])


def test_without_any_real_question_all_synthetic_rows_go() -> None:
    assert kept(rows("sss", [1, 1, 1]), 0.01) == []
    assert len(kept(rows("sss", [1, 1, 1]), 0)) == 3


def test_what_the_selector_left_out_is_no_part_of_the_share() -> None:
    table = rows("hhss", [0.1, 0.9, 0.8, 0.7])
    chosen = select(table, TopRows(max_rows=3, min_real_share=0.5), seed=0)

    assert chosen.filter(is_in())["id"].to_list() == ["r1", "r2"]
    assert chosen["reason"].to_list() == ["over_max_rows", None, None, "real_share"]


@pytest.mark.parametrize("real", range(60))
def test_a_tenth_is_a_tenth(real: int) -> None:
    for tenths in range(1, 11):
        room = most_synthetic(real, tenths / 10)
        assert room == real * (10 - tenths) // tenths


def test_a_selector_of_ones_own_needs_no_floor() -> None:
    class Everything:
        reason = "none"

        def rejects(self, table: pl.DataFrame) -> pl.Series:
            return pl.repeat(value=False, n=table.height, eager=True)

    assert select(rows("s", [1]), Everything(), seed=0).filter(is_in()).height == 1


def test_a_config_from_before_there_was_a_floor_has_none() -> None:
    config = compose(["seeds.path=-", "select=random_rows"])
    del config["select"]["min_real_share"]

    chosen = plan_of(config).select
    assert isinstance(chosen, RandomRows)
    assert chosen.min_real_share is None

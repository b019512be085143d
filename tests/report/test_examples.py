from __future__ import annotations

import polars as pl
import pytest
from finished_runs import SHAPES, MakeRun
from hypothesis import given
from hypothesis import strategies as st

from distill.report.examples import dropped, even_shares, kept
from distill.table import is_in


@given(st.lists(st.integers(0, 30)), st.integers(0, 60))
def test_shares_are_as_even_as_their_sizes_allow(sizes: list[int], total: int) -> None:
    shares = even_shares(sizes, total)

    assert sum(shares) == min(total, sum(sizes))
    assert all(share <= size for share, size in zip(shares, sizes, strict=True))
    unfilled = [share for share, size in zip(shares, sizes, strict=True) if share < size]
    assert max(shares, default=0) - min(unfilled, default=max(shares, default=0)) <= 1


def test_kept_rows_are_spread_from_the_first_to_the_last(make_run: MakeRun) -> None:
    dataset = make_run().table.filter(is_in())

    shown = kept(dataset, 20)

    assert len({one.id for one in shown}) == 20
    assert (shown[0].id, shown[-1].id) == (dataset["id"][0], dataset["id"][-1])


def test_every_reason_is_among_the_dropped(make_run: MakeRun) -> None:
    table = make_run(task="qa").table
    reasons = {
        f"{stage}/{reason}"
        for stage, reason in table.filter(~is_in()).select("stage", "reason").iter_rows()
    }

    assert {one.badge for one in dropped(table, 8)} == reasons


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_few_rows_are_few_examples(rows: int, make_run: MakeRun) -> None:
    table = make_run(**SHAPES["only_real"]).table

    assert len(kept(table, rows)) == rows
    assert dropped(table, rows) == []


def test_the_draw_depends_on_the_rows_alone(make_run: MakeRun) -> None:
    table = make_run(task="qa").table
    rechunked = pl.concat([table[:100], table[100:]], rechunk=False)

    assert dropped(table, 20) == dropped(rechunked, 20)

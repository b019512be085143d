from __future__ import annotations

import polars as pl
import pytest
from finished_runs import SHAPES, MakeRun
from hypothesis import given
from hypothesis import strategies as st

from distill.report.examples import dropped, even_shares, kept, nearest, reviewed
from distill.review import no_review, review_frame
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


def test_rows_nearest_to_the_threshold_come_from_both_its_sides(make_run: MakeRun) -> None:
    table = make_run().table
    scored = table.drop_nulls("score")
    below, above = (
        scored.filter(side)["score"].sort()
        for side in (pl.col("score") < 0.75, pl.col("score") >= 0.75)
    )

    shown = [one.score for one in nearest(table, 0.75, 20)]

    assert shown == [*below[-10:], *above[:10]]


def test_where_one_side_is_short_the_other_fills_up(make_run: MakeRun) -> None:
    table = make_run().table
    top = table["score"].max()
    assert isinstance(top, float)

    shown = nearest(table, top, 20)

    assert len(shown) == 20
    assert [one.score for one in shown].count(top) == 1
    assert shown[-1].badge == f"score {top:.4g}"


def test_what_just_misses_the_threshold_does_not_read_as_reaching_it(make_run: MakeRun) -> None:
    table = make_run().table.head(70).with_columns(score=pl.lit(0.7496))

    assert {one.badge.split(" · ")[0] for one in nearest(table, 0.75, 5)} == {"score 0.7496"}


def test_without_scores_no_row_is_near(make_run: MakeRun) -> None:
    assert nearest(make_run(overrides=("judge=none",)).table, 0.75, 20) == []


def test_rows_for_review_show_the_evidence_and_every_reason() -> None:
    row = {"question": "Q?", "answer": None, "evidence": "cosine 0.93", "stage": "guard"}
    rows = [row | {"id": f"r{i}", "reason": "near" if i else "far"} for i in range(50)]

    shown = reviewed(review_frame(rows), 20)

    assert len(shown) == 20
    assert {one.badge for one in shown} == {"guard/near", "guard/far"}
    assert {name: text.text for name, text in shown[0].texts.items()} == {
        "Question": "Q?",
        "Evidence": "cosine 0.93",
    }
    assert reviewed(no_review(), 20) == []

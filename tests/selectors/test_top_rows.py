from __future__ import annotations

import pytest
from tables import answered_table

from distill.selectors import TopRows
from distill.stages.select import select
from distill.table import JUDGED_COLUMNS, add_columns, is_in

SCORES = [0.5, 0.9, None, 0.9, 0.1]


@pytest.mark.parametrize(
    ("max_rows", "kept"),
    [
        pytest.param(None, "01234", id="no budget"),
        pytest.param(0, "", id="nothing"),
        pytest.param(1, "1", id="of equals the first"),
        pytest.param(3, "013", id="the best"),
        pytest.param(4, "0134", id="unscored rows last"),
        pytest.param(99, "01234", id="more than there are"),
    ],
)
def test_the_best_rows_stay_in_the_order_of_the_table(max_rows: int | None, kept: str) -> None:
    import polars as pl

    table = answered_table(["x"] * 5).with_columns(score=pl.Series(SCORES))
    rejects = TopRows(max_rows=max_rows, min_real_share=None).rejects(table)

    assert "".join(str(i) for i, out in enumerate(rejects) if not out) == kept


def test_real_examples_are_neither_counted_nor_left_out() -> None:
    table = answered_table(["x"] * 3, source=["real", "teacher", "teacher"])
    table = select(
        add_columns(table, JUDGED_COLUMNS), TopRows(max_rows=1, min_real_share=None), seed=0
    )

    assert table.filter(is_in())["id"].to_list() == ["r0", "r1"]
    assert table["reason"].to_list() == [None, None, "over_max_rows"]

from __future__ import annotations

import polars as pl
import pytest
from tables import answered_table, claude

from distill.guards import Evidence, Unscored
from distill.table import JUDGED_COLUMNS, add_columns, drop


def evidence(scored: int, without: int) -> Evidence:
    """Return a dataset of which a judge has scored some rows, with as many real ones beside."""
    n = scored + without
    table = answered_table(["x"] * 2 * n, source=["teacher"] * n + ["real"] * n)
    table = add_columns(table, JUDGED_COLUMNS).with_columns(
        score=pl.Series([0.9] * scored + [None] * (without + n), dtype=pl.Float64)
    )
    unscored = (pl.col("source") == "teacher") & pl.col("score").is_null()
    table = drop(table, unscored, stage="judge", reason="unscored")
    return Evidence(teacher=claude(), judge=claude(), table=table, heldout=None)


@pytest.mark.parametrize(
    ("scored", "without", "max_share", "fires"),
    [
        pytest.param(50, 0, 0.0, False, id="all scored"),
        pytest.param(49, 1, 0.02, False, id="just the share allowed"),
        pytest.param(48, 1, 0.02, True, id="just above"),
        pytest.param(49, 1, 0.0, True, id="none allowed"),
        pytest.param(0, 9, 1.0, False, id="all allowed"),
        pytest.param(0, 0, 0.0, False, id="nothing judged"),
    ],
)
def test_it_fires_above_the_share_allowed_of_the_judged_answers(
    scored: int, without: int, max_share: float, fires: bool
) -> None:
    found = Unscored(mode="error", max_share=max_share).look(evidence(scored, without))

    assert found.fires is fires
    assert len(found.rows) == (without if fires else 0)

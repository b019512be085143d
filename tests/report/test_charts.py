from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.report.charts import MOST_TICKS, Scale, bar, binned, scale_for, ticks, whisker

SHARES = st.floats(0, 1, allow_nan=False)


@given(st.lists(SHARES, min_size=1), st.booleans())
def test_a_scale_shows_all_values_between_few_round_ticks(
    values: list[float], signed: bool
) -> None:
    numbers = [value - 0.5 for value in values] if signed else values
    least = -1.0 if signed else 0.0

    scale = scale_for(numbers, least=least)

    assert least <= scale.low <= min(numbers) + 1e-6
    assert max(numbers) - 1e-6 <= scale.high <= 1
    ticks = scale.ticks()
    assert ticks[0] == scale.low
    assert ticks[-1] == pytest.approx(scale.high)
    assert 2 <= len(ticks) <= MOST_TICKS


@pytest.mark.parametrize(
    ("values", "ends"),
    [
        pytest.param([0.31, 0.69], (0.3, 0.7), id="to_the_next_ticks"),
        pytest.param([0.71, 0.78], (0.7, 0.78), id="ends_on_a_tick"),
        pytest.param([1.0], (0.98, 1.0), id="at_the_end"),
        pytest.param([0.0, 1.0], (0.0, 1.0), id="everything"),
    ],
)
def test_a_scale_is_no_wider_than_needed(values: list[float], ends: tuple[float, float]) -> None:
    scale = scale_for(values, least=0.0)

    assert (scale.low, scale.high) == ends


@given(st.lists(SHARES), SHARES, st.integers(1, 40))
def test_every_score_is_in_one_column(scores: list[float], threshold: float, bins: int) -> None:
    columns = binned(scores, threshold, bins)

    assert len(columns) == bins
    assert sum(below for below, _ in columns) == sum(score < threshold for score in scores)
    assert sum(above for _, above in columns) == sum(score >= threshold for score in scores)


@pytest.mark.parametrize("score", [i / 20 for i in range(20)])
def test_a_score_on_an_edge_belongs_to_the_right(score: float) -> None:
    assert binned([score], 0.5, 20)[round(score * 20)] in {(1, 0), (0, 1)}


def test_a_dot_stands_where_its_value_is() -> None:
    scale = Scale(0.5, 1.0, 0.1)

    svg = whisker(0.75, 0.6, 0.9, scale, kind="student", label="it", line_at=0.5)

    assert '<circle cx="50%"' in svg
    assert 'class="spread" x1="20%" y1="0" x2="80%" y2="0"' in svg
    assert 'class="reference" x1="0%"' in svg


def test_what_a_chart_says_is_escaped() -> None:
    scale = Scale(0.0, 1.0, 0.2)

    svg = whisker(0.5, 0.4, 0.6, scale, kind="x", label='"><script>', line_at=0.5)

    assert 'aria-label="&quot;&gt;&lt;script&gt;"' in svg


def test_parts_of_a_bar_lie_end_to_end() -> None:
    svg = bar([(0.25, "real"), (0.0, "gone"), (0.5, "in")])

    places = re.findall(r'class="(\w+)" x="([\d.]+)%" y="0%?" width="([\d.]+)%"', svg)
    assert places == [("track", "0", "100"), ("real", "0", "25"), ("in", "25", "50")]


def test_a_scale_of_ratios_has_no_percentages() -> None:
    svg = ticks(Scale(0.5, 1.0, 0.25), plain=True)

    assert re.findall(r">([^<]+)</text>", svg) == ["0.5", "0.75", "1"]

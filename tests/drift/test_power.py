"""What a check can show is what was measured and documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from distill.drift.power import LABELS, TEXTS, detectable, least_measured

DOCS = Path(__file__).parents[2] / "docs" / "drift.md"
ROW = re.compile(r"^\| (\d+) × (\d+) \|.*\| (\d+)% \|$", re.MULTILINE)


@pytest.mark.skipif(not DOCS.is_file(), reason="the documentation is not part of this copy")
def test_the_quoted_shares_are_those_of_the_documented_tables() -> None:
    texts, labels = DOCS.read_text(encoding="utf-8").split("Simulated votes, task classify")

    for known, block in ((TEXTS, texts), (LABELS, labels)):
        rows = [tuple(map(int, row)) for row in ROW.findall(block)]
        assert {(a, b): share / 100 for a, b, share in rows} == known


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        pytest.param((20, 5), (20, 5), id="measured"),
        pytest.param((49, 9), (20, 5), id="between"),
        pytest.param((1000, 100), (50, 10), id="larger"),
        pytest.param((9, 100), None, id="too few questions"),
        pytest.param((100, 4), None, id="too few samples"),
    ],
)
def test_a_check_promises_no_more_than_a_measured_size_that_it_reaches(
    size: tuple[int, int], shown: tuple[int, int] | None
) -> None:
    found = detectable(*size, labels=False)

    assert found == (None if shown is None else (*shown, TEXTS[shown]))


def test_the_smallest_size_that_was_measured_is_told_below_it() -> None:
    assert least_measured(labels=False) == (10, 5, TEXTS[10, 5])

"""What is said of a synthetic held-out set by where the interval of the excess lies."""

from __future__ import annotations

from typing import Any

import pytest

from distill.report.synthetic import gap_sentences


def told(low: float, high: float) -> Any:
    score = {"accuracy": 0.9, "low": 0.8, "high": 0.95}
    gap = {"difference": 0.2, "low": 0.1, "high": 0.3, "minimum_detectable": 0.1}
    side = {"synthetic": score, "real": score, "gap": gap}
    excess = gap | {"difference": (low + high) / 2, "low": low, "high": high}
    found = {"n": 50, "left_out": 0, "student": side, "teacher": side, "excess": excess}
    return gap_sentences({"eval": {"synthetic": found}})[-1]


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.06, 0.2, "do not report the student's score on it"),
        (0.04, 0.2, "which need not be more than 5 pp"),
        (-0.01, 0.2, "is not shown"),
        (-0.2, -0.01, "less than the teacher"),
    ],
)
def test_only_an_excess_that_is_surely_large_forbids_the_score(
    low: float, high: float, words: str
) -> None:
    assert words in told(low, high)

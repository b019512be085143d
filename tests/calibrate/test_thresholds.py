"""Precision and recall by threshold, and which one is recommended."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from distill.calibrate.thresholds import CANDIDATES, lines, recommend

GRADES = np.array([0.0, 0.25, 0.5, 0.75, 1.0])


def graded(rng: Any, items: int, chances: Any) -> tuple[Any, Any]:
    """Draw grades and, for each, whether the answer is right with the chance of its grade."""
    at = rng.integers(0, len(GRADES), items)
    return rng.random(items) < np.array(chances)[at], GRADES[at]


def test_every_line_counts_what_its_threshold_keeps() -> None:
    right = np.array([True, False, True, True, False])
    scores = np.array([1.0, 0.5, 0.5, 0.0, 0.0])
    found = lines(right, scores, configured=0.9)

    assert [line.threshold for line in found] == [0.0, 0.5, 0.9]
    assert [line.kept for line in found] == [5, 3, 1]
    assert [line.precision and line.precision.value for line in found] == [3 / 5, 2 / 3, 1]
    assert [line.recall and line.recall.value for line in found] == [1, 2 / 3, 1 / 3]
    assert all(line.precision is not None and line.limit < line.precision.value for line in found)


def test_a_threshold_that_keeps_the_same_as_the_one_in_use_is_the_one_in_use() -> None:
    scores = np.array([0.2, 0.8, 0.8])
    right = np.array([False, True, True])
    assert [line.threshold for line in lines(right, scores, configured=0.75)] == [0.2, 0.75]
    assert [line.threshold for line in lines(right, scores, configured=0.1)] == [0.1, 0.8]
    assert [line.threshold for line in lines(right, scores, configured=0.9)] == [0.2, 0.8]


def test_scores_of_many_places_have_few_candidates() -> None:
    rng = np.random.default_rng(0)
    found = lines(rng.random(1000) < 0.5, rng.random(1000), configured=0.75)
    assert len(found) == CANDIDATES + 1
    assert 0.75 in [line.threshold for line in found]
    assert found[0].kept == 1000
    assert [line.kept for line in found] == sorted((line.kept for line in found), reverse=True)
    assert found[-1].kept >= 1000 / CANDIDATES


def test_a_score_just_below_by_rounding_is_kept() -> None:
    scores = np.array([0.1 + 0.2 + 0.4, 0.7])
    found = lines(np.array([True, True]), scores, configured=0.7)
    assert found[0].kept == 2


def test_the_lowest_threshold_that_is_shown_to_reach_the_precision_is_recommended() -> None:
    rng = np.random.default_rng(1)
    right, scores = graded(rng, 4000, [0.05, 0.3, 0.85, 0.98, 0.99])
    candidates = lines(right, scores, configured=0.75)

    found = recommend(candidates, precision=0.9, labels=4000)

    assert found is not None
    assert (found.by, found.line.threshold, found.labels_needed) == ("limit", 0.5, None)


def test_a_precision_that_few_labels_cannot_show_is_said_not_to_be_shown() -> None:
    right = np.array([True] * 19 + [False])
    scores = np.ones(20)
    found = recommend(lines(right, scores, configured=1.0), precision=0.9, labels=20)

    assert found is not None
    assert found.by == "estimate"
    assert found.labels_needed is not None
    more = found.labels_needed
    repeated = np.resize(right, 20 * round(more / 20 + 1))
    again = recommend(
        lines(repeated, np.ones(len(repeated)), configured=1.0),
        precision=0.9,
        labels=len(repeated),
    )
    assert again is not None
    assert again.by == "limit"


def test_no_number_of_labels_shows_what_is_only_just_reached() -> None:
    right = np.array([True] * 9 + [False])
    found = recommend(lines(right, np.ones(10), configured=1.0), precision=0.9, labels=10)
    assert found is not None
    assert found.labels_needed is None


def test_no_threshold_is_recommended_where_none_reaches_the_precision() -> None:
    right = np.array([True, False] * 50)
    found = recommend(lines(right, np.ones(100), configured=1.0), precision=0.9, labels=100)
    assert found is None


def test_a_wanted_precision_of_zero_takes_everything() -> None:
    right = np.array([True, False] * 5)
    candidates = lines(right, np.linspace(0, 1, 10), configured=0.75)
    found = recommend(candidates, precision=0.0, labels=10)
    assert found is not None
    assert found.line.kept == 10


@pytest.mark.parametrize("chances", [[0.2, 0.5, 0.8, 0.89, 0.89], [0.85, 0.89, 0.89, 0.89, 0.89]])
def test_a_threshold_without_the_precision_is_rarely_called_shown(chances: Any) -> None:
    # Every grade is right less often than wanted: whatever is shown is shown falsely.
    rng = np.random.default_rng(2)
    falsely = 0
    for _ in range(200):
        right, scores = graded(rng, 500, chances)
        found = recommend(lines(right, scores, configured=0.75), precision=0.9, labels=500)
        falsely += found is not None and found.by == "limit"
    assert falsely / 200 <= 0.05

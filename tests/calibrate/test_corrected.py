"""The share of right answers, corrected for the judge's errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distill.calibrate.corrected import accuracy

RECORDED = Path(__file__).parents[3] / "shared" / "data" / "gsm8k" / "recorded_answers.jsonl"
RESAMPLES = 200
NOISE = 0.1


def drawn(rng: Any, truth: Any, items: int, labelled: int, flips: float) -> Any:
    """Draw items, let a judge err, and label some."""
    right = truth[rng.integers(0, len(truth), items)]
    kept = right ^ (rng.random(items) < flips)
    return accuracy(right[:labelled], kept[:labelled], kept[labelled:])


@pytest.mark.skipif(not RECORDED.is_file(), reason="no recorded answers beside the project")
@pytest.mark.parametrize("field", ["175b_verification", "175b_finetuning"])
@pytest.mark.parametrize("labelled", [50, 200])
def test_the_interval_holds_the_truth_of_recorded_answers(field: str, labelled: int) -> None:
    rows = [json.loads(line) for line in RECORDED.read_text(encoding="utf-8").splitlines()]
    truth = np.array([row[f"{field}_correct"] for row in rows])
    rng = np.random.default_rng(labelled)
    found = [drawn(rng, truth, 700, labelled, NOISE) for _ in range(RESAMPLES)]

    held = [one.corrected.low <= truth.mean() <= one.corrected.high for one in found]
    assert np.mean(held) >= 0.9
    width = np.mean([one.corrected.high - one.corrected.low for one in found])
    assert width < 0.85 * np.mean([one.human_only.high - one.human_only.low for one in found])


@pytest.mark.parametrize(
    ("right", "sensitivity", "specificity"),
    [(0.7, 0.9, 0.7), (0.9, 0.95, 0.9), (0.95, 1.0, 1.0), (0.5, 0.5, 0.5)],
)
@pytest.mark.parametrize("labelled", [30, 100])
def test_the_interval_holds_the_truth_whatever_the_judges_errors(
    right: float, sensitivity: float, specificity: float, labelled: int
) -> None:
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(RESAMPLES):
        truth = rng.random(1000) < right
        kept = np.where(truth, rng.random(1000) < sensitivity, rng.random(1000) >= specificity)
        found = accuracy(truth[:labelled], kept[:labelled], kept[labelled:])
        assert found.corrected is not None
        held += found.corrected.low <= right <= found.corrected.high
    assert held / RESAMPLES >= 0.9


def test_a_biased_judge_alone_is_confidently_wrong_and_the_correction_is_not() -> None:
    rng = np.random.default_rng(2)
    truth = rng.random(2000) < 0.7
    kept = truth | (rng.random(2000) < 0.5)  # it lets half of the wrong pass
    found = accuracy(truth[:200], kept[:200], kept[200:])

    assert found.naive.low > 0.75
    assert found.corrected is not None
    assert found.corrected.low < 0.7 < found.corrected.high
    assert (found.labelled, found.unlabelled) == (200, 1800)


def test_a_judge_that_tells_nothing_gets_no_weight() -> None:
    right = np.array([True, False] * 50)
    kept = np.array([True, True, False, False] * 25)
    found = accuracy(right, kept, np.array([True] * 1000))

    assert found.weight == pytest.approx(0, abs=1e-9)
    assert found.corrected is not None
    assert found.corrected.value == pytest.approx(found.human_only.value)


def test_the_value_is_the_judges_word_less_its_errors_among_the_labelled() -> None:
    right = np.array([True] * 60 + [False] * 40)
    kept = right.copy()
    kept[60:70] = True  # ten false keeps
    found = accuracy(right, kept, np.array([True] * 750 + [False] * 250))

    assert found.corrected is not None
    assert found.weight is not None
    wanted = found.weight * 0.75 + 0.6 - found.weight * 0.7
    assert found.corrected.value == pytest.approx(wanted)


def test_a_judge_that_erred_in_none_of_a_few_labels_is_not_taken_to_err_never() -> None:
    right = np.array([True, False] * 10)
    found = accuracy(right, right, np.array([True, False] * 50_000))
    assert found.corrected is not None
    assert found.corrected.high - found.corrected.low > 0.1


def test_without_unlabelled_answers_the_labels_alone_count() -> None:
    right = np.array([True, True, False])
    found = accuracy(right, right, np.zeros(0, dtype=bool))
    assert found.corrected is None
    assert found.weight is None
    assert found.human_only.value == pytest.approx(2 / 3)


def test_no_labels_are_refused() -> None:
    empty = np.zeros(0, dtype=bool)
    with pytest.raises(ValueError, match="no labels"):
        accuracy(empty, empty, np.array([True]))

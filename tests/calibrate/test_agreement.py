"""Kappa, rates of error and the area under the ROC curve."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from distill.calibrate.agreement import (
    area_under_roc,
    cohens_kappa,
    confusion,
    roc_curve,
)


def raters(both: int, only_one: int, only_other: int, neither: int) -> tuple[Any, Any]:
    """Build two raters with these counts of yes."""
    one = [True] * (both + only_one) + [False] * (only_other + neither)
    other = [True] * both + [False] * only_one + [True] * only_other + [False] * neither
    return np.array(one), np.array(other)


TABLES = [
    pytest.param((20, 5, 10, 15), id="Cohen's example"),
    pytest.param((177, 15, 19, 139), id="a judge of 350"),
    pytest.param((1, 0, 3, 46), id="rare"),
    pytest.param((0, 10, 10, 0), id="never agree"),
    pytest.param((45, 15, 25, 15), id="lopsided"),
]


@pytest.mark.parametrize("table", TABLES)
def test_kappa_is_that_of_statsmodels(table: tuple[int, int, int, int]) -> None:
    reference = pytest.importorskip("statsmodels.stats.inter_rater").cohens_kappa
    both, only_one, only_other, neither = table
    wanted = reference([[both, only_one], [only_other, neither]])

    found = cohens_kappa(*raters(*table))

    assert found is not None
    assert found.value == pytest.approx(wanted.kappa, abs=1e-9)
    assert found.standard_error == pytest.approx(wanted.std_kappa, abs=1e-9)
    assert found.low == pytest.approx(max(-1.0, wanted.kappa_low), abs=1e-9)
    assert found.high == pytest.approx(min(1.0, wanted.kappa_upp), abs=1e-9)


def test_a_published_kappa() -> None:
    # 20 yes-yes, 15 no-no of 50: observed .7, by chance .5.
    found = cohens_kappa(*raters(20, 5, 10, 15))
    assert found is not None
    assert found.value == pytest.approx(0.4)


def test_full_agreement_on_few_items_is_not_taken_for_certainty() -> None:
    few, many = cohens_kappa(*raters(5, 0, 0, 5)), cohens_kappa(*raters(500, 0, 0, 500))
    assert few is not None
    assert many is not None
    assert few.value == many.value == few.high == 1
    assert few.low < 0.5 < 0.98 < many.low < 1


@pytest.mark.parametrize("table", [(7, 0, 0, 0), (0, 0, 0, 7), (0, 0, 0, 0)])
def test_raters_who_say_the_same_of_every_item_have_no_kappa(table: Any) -> None:
    assert cohens_kappa(*raters(*table)) is None


def test_rates_are_of_their_own_items() -> None:
    cells = confusion(*raters(8, 2, 3, 7))  # of 10 right 8 are kept, of 10 wrong 3
    assert (cells.kept_right, cells.dropped_right, cells.kept_wrong, cells.dropped_wrong) == (
        8, 2, 3, 7,
    )  # fmt: skip
    rates = {
        "error_rate": 5 / 20,
        "false_keep_rate": 0.3,
        "false_drop_rate": 0.2,
        "sensitivity": 0.8,
        "specificity": 0.7,
        "precision": 8 / 11,
    }
    for name, wanted in rates.items():
        rate = getattr(cells, name)
        assert rate.value == pytest.approx(wanted)
        assert rate.low < wanted < rate.high


def test_a_rate_of_nothing_is_none() -> None:
    cells = confusion(*raters(0, 0, 0, 4))
    assert cells.precision is None
    assert cells.sensitivity is None
    assert cells.specificity is not None


def scored(seed: int, *, levels: int | None) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    right = rng.random(80) < 0.6
    scores = np.clip(rng.normal(0.4, 0.2, 80) + 0.25 * right, 0, 1)
    return right, scores if levels is None else np.round(scores * levels) / levels


@pytest.mark.parametrize("levels", [None, 5, 1])
def test_the_area_is_that_of_scikit_learn_also_with_ties(levels: int | None) -> None:
    for seed in range(5):
        right, scores = scored(seed, levels=levels)
        found = area_under_roc(right, scores)
        assert found is not None
        assert found.value == pytest.approx(roc_auc_score(right, scores), abs=1e-9)
        assert 0 <= found.low < found.value < found.high <= 1


def test_a_perfect_area_has_an_interval_that_grows_narrow_with_the_items() -> None:
    few = area_under_roc(np.array([True, False] * 5), np.array([1.0, 0.0] * 5))
    many = area_under_roc(np.array([True, False] * 500), np.array([1.0, 0.0] * 500))
    assert few is not None
    assert many is not None
    assert few.value == few.high == 1
    assert few.low < 0.85 < 0.99 < many.low < 1


def test_the_area_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(300):
        right = rng.random(60) < 0.5
        kept = np.where(rng.random(60) < 0.9, right, ~right).astype(float)
        found = area_under_roc(right, kept)
        assert found is not None
        held += found.low <= 0.9 <= found.high
    assert 0.92 <= held / 300 <= 1


def test_the_curve_goes_from_nothing_to_everything_and_has_the_area_below_it() -> None:
    right, scores = scored(3, levels=5)
    curve = roc_curve(right, scores)
    wrong_kept, right_kept, thresholds = np.array(curve).T
    assert curve[0] == (0, 0, math.inf)
    assert curve[-1][:2] == (1, 1)
    assert (np.diff(thresholds) < 0).all()
    assert np.trapezoid(right_kept, wrong_kept) == pytest.approx(roc_auc_score(right, scores))


def test_labels_of_one_kind_have_neither_curve_nor_area() -> None:
    right, scores = np.array([True, True]), np.array([0.2, 0.4])
    assert area_under_roc(right, scores) is None
    assert roc_curve(right, scores) == []

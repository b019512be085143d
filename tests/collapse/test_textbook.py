"""Chains whose mathematics is known come out where it says."""

from __future__ import annotations

import math

import numpy as np
import pytest

from distill.collapse.regimes import Regime
from distill.collapse.textbook import BOUND, gaussian, regression, zipf

REPLACE, ACCUMULATE = Regime(name="replace"), Regime(name="accumulate")
TENTH, HALF = Regime(name="keep", share=0.1), Regime(name="keep", share=0.5)


@pytest.mark.parametrize(
    ("regime", "low", "high"),
    [(REPLACE, 40, 62), (TENTH, 11, 19), (HALF, 2.2, 3.3), (ACCUMULATE, 1.0, 1.75)],
    ids=lambda value: value.title if isinstance(value, Regime) else str(value),
)
def test_a_gaussian_chain_strays_as_far_as_theory_says(
    regime: Regime, low: float, high: float
) -> None:
    course = gaussian(regime, samples=100, generations=50, chains=2000, seed=0)
    assert len(course) == 51
    assert course[0] == 1
    assert low <= course[-1] <= high


def test_a_gaussian_chain_strays_by_one_unit_a_generation() -> None:
    course = gaussian(REPLACE, samples=100, generations=100, chains=20_000, seed=1)
    assert course == pytest.approx(np.arange(1, 102), rel=0.1)


def test_the_median_spread_shrinks_while_its_mean_square_stays() -> None:
    # What the textbook calls a trap: the mean over chains says that nothing happens.
    rng = np.random.default_rng(0)
    sigma = np.ones(20_000)
    for _ in range(100):
        sigma *= np.sqrt(rng.chisquare(99, len(sigma)) / 99)
    # The mean of log(chi^2 / 99) with 99 degrees of freedom.
    log_chi = (math.log(2) + _digamma(49.5)) - math.log(99)
    assert np.median(sigma) == pytest.approx(math.exp(50 * log_chi), rel=0.02)
    assert (sigma**2).mean() == pytest.approx(1, abs=0.1)


def _digamma(x: float) -> float:
    from scipy.special import digamma

    return float(digamma(x))


def test_a_regression_chain_errs_by_one_unit_a_generation_unless_data_accumulates() -> None:
    settings = {"dimensions": 20, "samples": 200, "generations": 19, "chains": 400, "seed": 0}
    replaced, accumulated = regression(REPLACE, **settings), regression(ACCUMULATE, **settings)
    assert 17 <= replaced[-1] <= 23
    assert 1.4 <= accumulated[-1] <= 1.70
    assert accumulated[-1] < BOUND + 0.06


def test_a_regression_has_no_theory_for_a_share_of_real_data() -> None:
    with pytest.raises(ValueError, match="want replace or accumulate"):
        regression(HALF, dimensions=2, samples=10, generations=1, chains=1, seed=0)


@pytest.mark.parametrize(
    ("regime", "low", "high"),
    [(REPLACE, 0.26, 0.37), (TENTH, 0.28, 0.40), (HALF, 0.62, 0.74), (ACCUMULATE, 1.0, 1.0)],
    ids=lambda value: value.title if isinstance(value, Regime) else str(value),
)
def test_rare_words_die_out_as_measured(regime: Regime, low: float, high: float) -> None:
    course = zipf(regime, types=2000, draws=5000, generations=10, chains=100, seed=0)
    assert low <= course[-1] <= high
    assert (np.diff(course) <= 1e-12).all() or regime is ACCUMULATE or regime.name == "keep"

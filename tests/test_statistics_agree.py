"""Intervals and tests beside those of scipy and statsmodels, where these have them."""

from __future__ import annotations

import numpy as np
import pytest

from distill.statistics import (
    clopper_pearson,
    mcnemar_mid_p,
    minimum_detectable_difference,
    paired_bootstrap,
    wilson,
)

SHARES = [(k, n) for n in (1, 7, 50, 300) for k in {0, 1, n // 3, n - 1, n}]
PAIRS = [(0, 0), (1, 0), (3, 3), (7, 1), (12, 30), (40, 9)]


@pytest.mark.parametrize(("successes", "n"), SHARES)
@pytest.mark.parametrize(("ours", "theirs"), [(wilson, "wilson"), (clopper_pearson, "beta")])
def test_intervals_of_a_share_are_those_of_statsmodels(ours, theirs, successes, n):
    from statsmodels.stats.proportion import proportion_confint

    found = ours(successes, n)
    wanted = proportion_confint(successes, n, alpha=0.05, method=theirs)
    assert (found.low, found.high) == pytest.approx(wanted, abs=1e-9)


def scores_of(only_a, only_b, n=60):
    a = [1] * only_a + [0] * only_b + [1] * (n - only_a - only_b)
    b = [0] * only_a + [1] * only_b + [1] * (n - only_a - only_b)
    return a, b


@pytest.mark.parametrize(("only_a", "only_b"), PAIRS)
def test_the_mid_p_value_is_the_exact_one_of_statsmodels_less_half_a_point(only_a, only_b):
    from scipy.stats import binom
    from statsmodels.stats.contingency_tables import mcnemar

    exact = mcnemar([[0, only_a], [only_b, 0]], exact=True).pvalue
    half = binom.pmf(min(only_a, only_b), only_a + only_b, 0.5)
    wanted = 1.0 if only_a == only_b else exact - half

    assert mcnemar_mid_p(*scores_of(only_a, only_b)).p_value == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize(("only_a", "only_b"), [(7, 1), (12, 30), (40, 9)])
def test_the_limits_of_the_paired_difference_solve_the_score_equation(only_a, only_b):
    # Tango's score at a limit is the critical value; statsmodels has no such interval.
    from scipy.optimize import minimize_scalar
    from scipy.stats import norm

    n, found = 60, mcnemar_mid_p(*scores_of(only_a, only_b))

    def score(delta):
        def minus_likelihood(share_b):
            share_a = share_b + delta
            cells = np.array([share_a, share_b, 1 - share_a - share_b])
            counts = np.array([only_a, only_b, n - only_a - only_b])
            return -float((counts * np.log(np.maximum(cells, 1e-300))).sum())

        bounds = (max(0.0, -delta), (1 - delta) / 2)
        share_b = minimize_scalar(
            minus_likelihood, bounds=bounds, method="bounded", options={"xatol": 1e-12}
        ).x
        return (only_a - only_b - n * delta) / np.sqrt(n * (2 * share_b + delta - delta**2))

    critical = norm.ppf(0.975)
    assert score(found.low) == pytest.approx(critical, abs=1e-5)
    assert score(found.high) == pytest.approx(-critical, abs=1e-5)


def test_the_detectable_mean_difference_is_that_of_a_paired_z_test():
    from statsmodels.stats.power import NormalIndPower

    rng = np.random.default_rng(0)
    a, b = rng.random(120), rng.random(120)
    effect = NormalIndPower(ddof=0).solve_power(nobs1=120, alpha=0.05, power=0.8, ratio=0)
    wanted = float(effect) * float((a - b).std(ddof=1))

    assert paired_bootstrap(a, b, 0).minimum_detectable == pytest.approx(wanted, rel=1e-3)


def test_wilsons_interval_covers_the_truth_as_often_as_it_says_when_simulated():
    rng = np.random.default_rng(0)
    limits = [wilson(k, 200) for k in range(201)]
    for share in (0.5, 0.8, 0.95):
        drawn = rng.binomial(200, share, size=5000)
        covered = np.mean([limits[k].low <= share <= limits[k].high for k in drawn])
        assert 0.935 <= covered <= 0.975


def test_the_paired_test_covers_and_errs_as_it_says_when_simulated():
    # 200 items, 12 % only a right, 12 % only b right: neither is better.
    rng = np.random.default_rng(1)
    drawn = rng.multinomial(200, [0.12, 0.12, 0.76], size=400)
    found = [mcnemar_mid_p(*scores_of(a, b, 200)) for a, b, _ in drawn.tolist()]

    assert 0.92 <= np.mean([one.low <= 0 <= one.high for one in found]) <= 0.98
    assert np.mean([one.p_value < 0.05 for one in found]) <= 0.075
    assert minimum_detectable_difference(200, 0.24) == pytest.approx(0.0975, abs=0.005)

import itertools
import math
import time
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.statistics import (
    PairedTest,
    clopper_pearson,
    explain_verdict,
    mcnemar_mid_p,
    minimum_detectable_difference,
    paired_bootstrap,
    verdict,
    wilson,
)


def outcomes(only_a, only_b, n):
    """Build aligned right-or-wrong scores with these counts; the two agree on the other items."""
    a = [1] * only_a + [0] * only_b + [1] * (n - only_a - only_b)
    b = [0] * only_a + [1] * only_b + [1] * (n - only_a - only_b)
    return a, b


def tables(n):
    return [(a, b) for a, b in itertools.product(range(n + 1), repeat=2) if a + b <= n]


def exact_mid_p(only_a, only_b):
    """Count with whole numbers: the outcomes rarer than the observed one, and half of its like."""
    both = only_a + only_b
    if only_a == only_b:
        return Fraction(1)
    tail = [math.comb(both, k) for k in range(min(only_a, only_b) + 1)]
    return Fraction(2 * sum(tail) - tail[-1], 2**both)


def binomial(successes, n, share):
    return math.comb(n, successes) * share**successes * (1 - share) ** (n - successes)


def probability(only_a, only_b, n, share_a, share_b):
    ways = math.comb(n, only_a) * math.comb(n - only_a, only_b)
    agree = n - only_a - only_b
    return ways * share_a**only_a * share_b**only_b * (1 - share_a - share_b) ** agree


# Newcombe 1998, Stat Med 17:857, table I.
NEWCOMBE = [
    pytest.param(81, 263, (0.2553, 0.3662), (0.2527, 0.3676), id="81 of 263"),
    pytest.param(15, 148, (0.0624, 0.1605), (0.0578, 0.1617), id="15 of 148"),
    pytest.param(0, 20, (0.0, 0.1611), (0.0, 0.1684), id="none of 20"),
    pytest.param(1, 29, (0.0061, 0.1718), (0.0009, 0.1776), id="1 of 29"),
]


@pytest.mark.parametrize(("successes", "n", "score", "exact"), NEWCOMBE)
def test_intervals_of_a_share_match_published_ones(successes, n, score, exact):
    for interval, limits in (
        (wilson(successes, n), score),
        (clopper_pearson(successes, n), exact),
    ):
        assert (interval.low, interval.high) == pytest.approx(limits, abs=6e-5)
        assert (interval.value, interval.n) == (successes / n, n)


@pytest.mark.parametrize("method", [wilson, clopper_pearson])
def test_an_interval_stays_within_0_and_1_and_holds_the_observed_share(method):
    for n in (1, 2, 7, 50):
        for successes in range(n + 1):
            found = method(successes, n)
            assert 0 <= found.low <= found.value <= found.high <= 1


@pytest.mark.parametrize("method", [wilson, clopper_pearson])
def test_more_confidence_gives_a_wider_interval(method):
    narrow, wide = method(40, 50, confidence=0.8), method(40, 50, confidence=0.99)
    assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.parametrize("method", [wilson, clopper_pearson])
def test_a_share_of_no_items_is_refused(method):
    with pytest.raises(ValueError, match="n: got 0, want 1 or more"):
        method(0, 0)


def coverage_of_share(method, n, share):
    limits = [method(successes, n) for successes in range(n + 1)]
    return sum(
        binomial(successes, n, share)
        for successes, found in enumerate(limits)
        if found.low <= share <= found.high
    )


@pytest.mark.parametrize(
    ("n", "share", "covered"), [(50, 0.9, 0.970), (50, 0.98, 0.922), (100, 0.95, 0.966)]
)
def test_wilson_covers_the_true_share_as_often_as_computed_by_enumeration(n, share, covered):
    assert coverage_of_share(wilson, n, share) == pytest.approx(covered, abs=5e-4)


@pytest.mark.parametrize("share", [0.5, 0.8, 0.9, 0.98])
def test_clopper_pearson_never_covers_less_than_it_says(share):
    assert coverage_of_share(clopper_pearson, 50, share) >= 0.95


def test_mid_p_equals_the_exact_count_of_outcomes():
    for only_a, only_b in tables(12):
        found = mcnemar_mid_p(*outcomes(only_a, only_b, 12))
        assert found.p_value == pytest.approx(float(exact_mid_p(only_a, only_b)), abs=1e-12)


def test_a_published_table_gives_its_published_mid_p_and_tango_interval():
    # Airway hyper-responsiveness, 21 patients, in Fagerland, Lydersen and Laake 2014.
    found = mcnemar_mid_p(*outcomes(1, 7, 21))
    assert found.p_value == pytest.approx(0.039, abs=5e-4)
    assert (found.low, found.high) == pytest.approx((-0.517, -0.026), abs=5e-4)
    assert (found.difference, found.only_a, found.only_b, found.n) == (-6 / 21, 1, 7, 21)


def test_swapping_the_two_students_mirrors_the_test():
    a, b = outcomes(9, 3, 40)
    there, back = mcnemar_mid_p(a, b), mcnemar_mid_p(b, a)
    assert (back.difference, back.low, back.high) == pytest.approx(
        (-there.difference, -there.high, -there.low)
    )
    assert back.p_value == there.p_value
    assert (back.only_a, back.only_b) == (there.only_b, there.only_a)


def test_students_that_agree_on_every_item_differ_by_nothing():
    found = mcnemar_mid_p([1, 0, 1, 1], [1, 0, 1, 1])
    assert (found.difference, found.p_value, found.minimum_detectable) == (0, 1, None)
    assert -1 < found.low < 0 < found.high < 1


def test_the_interval_never_covers_0_where_the_test_rejects():
    for only_a, only_b in tables(30):
        found = mcnemar_mid_p(*outcomes(only_a, only_b, 30))
        assert -1 <= found.low <= found.difference <= found.high <= 1
        if found.p_value < 0.05:
            assert found.low > 0 or found.high < 0


@pytest.mark.parametrize("n", [20, 50])
@pytest.mark.parametrize(
    ("discordant", "difference"),
    [(0.1, 0.0), (0.1, 0.05), (0.2, 0.0), (0.2, 0.1), (0.3, 0.15), (0.5, 0.4)],
)
def test_the_paired_interval_covers_the_true_difference(n, discordant, difference):
    share_a, share_b = (discordant + difference) / 2, (discordant - difference) / 2
    rng = np.random.default_rng(20)
    draws = rng.multinomial(n, [share_a, share_b, 1 - discordant], size=4000)
    counts, times = np.unique(draws[:, :2], axis=0, return_counts=True)
    covered = 0
    for (only_a, only_b), seen in zip(counts.tolist(), times.tolist(), strict=True):
        found = mcnemar_mid_p(*outcomes(only_a, only_b, n))
        covered += seen if found.low <= difference <= found.high else 0
    assert covered / 4000 >= 0.93


@pytest.mark.parametrize("difference", [0.0, 0.3])
def test_the_mid_p_test_errs_as_seldom_and_finds_as_often_as_enumeration_says(difference):
    n, discordant = 40, 0.4
    share_a, share_b = (discordant + difference) / 2, (discordant - difference) / 2
    found = sum(
        probability(only_a, only_b, n, share_a, share_b)
        for only_a, only_b in tables(n)
        if exact_mid_p(only_a, only_b) < 0.05 and only_a > only_b
    )
    if difference == 0:
        assert found <= 0.03
    else:
        detectable = minimum_detectable_difference(n, discordant, power=found)
        assert detectable == pytest.approx(difference, abs=1e-9)


@pytest.mark.parametrize(
    ("n", "points"),
    [
        (50, (None, 16.5, 21.0)),
        (100, (8.5, 12.5, 15.5)),
        (200, (6.5, 9.0, 11.0)),
        (500, (4.0, 6.0, 7.0)),
        (1000, (3.0, 4.0, 5.0)),
    ],
)
def test_the_minimum_detectable_difference_matches_the_table_of_half_points(n, points):
    for discordant_share, expected in zip((0.1, 0.2, 0.3), points, strict=True):
        found = minimum_detectable_difference(n, discordant_share)
        rounded_up = None if found is None else math.ceil(200 * found) / 2
        assert rounded_up == expected


@pytest.mark.parametrize(("n", "discordant_share"), [(0, 0.2), (100, 0.0), (4, 1.0)])
def test_a_difference_that_cannot_be_found_is_none(n, discordant_share):
    assert minimum_detectable_difference(n, discordant_share) is None


@pytest.mark.parametrize(("only_a", "only_b", "n"), [(0, 0, 60), (2, 0, 100), (1, 1, 50)])
def test_a_difference_beyond_the_disagreement_seen_is_found_as_often_as_said(only_a, only_b, n):
    smallest = mcnemar_mid_p(*outcomes(only_a, only_b, n)).minimum_detectable
    assert smallest is not None
    assert smallest > (only_a + only_b) / n

    wins = np.random.default_rng(0).binomial(n, smallest, 4000)
    p = {k: mcnemar_mid_p(*outcomes(k, 0, n)).p_value for k in set(wins.tolist())}
    assert np.mean([p[k] < 0.05 for k in wins.tolist()]) == pytest.approx(0.8, abs=0.03)


def test_full_disagreement_has_a_minimum_detectable_difference():
    assert minimum_detectable_difference(1000, 1.0) == pytest.approx(0.0875, abs=5e-4)


def test_more_power_and_a_stricter_level_need_a_larger_difference():
    plain = minimum_detectable_difference(200, 0.2)
    assert plain is not None
    assert (minimum_detectable_difference(200, 0.2, power=0.9) or 0) > plain
    assert (minimum_detectable_difference(200, 0.2, alpha=0.01) or 0) > plain


def test_the_minimum_detectable_difference_of_1000_items_takes_under_a_tenth_of_a_second():
    minimum_detectable_difference(10, 0.2)  # imports scipy
    start = time.process_time()
    minimum_detectable_difference(1000, 0.3)
    assert time.process_time() - start < 0.1


@pytest.mark.parametrize("compare", [mcnemar_mid_p, lambda a, b: paired_bootstrap(a, b, seed=0)])
@pytest.mark.parametrize(
    ("a", "b"),
    [
        pytest.param([], [], id="no items"),
        pytest.param([1, 0], [1], id="unequal lengths"),
        pytest.param([[1, 0]], [[1, 0]], id="two dimensions"),
        pytest.param([1, 2], [1, 0], id="above 1"),
        pytest.param([1, math.nan], [1, 0], id="not a number"),
    ],
)
def test_scores_that_cannot_be_compared_are_refused(compare, a, b):
    with pytest.raises(ValueError, match="scores: got"):
        compare(a, b)


def test_mcnemar_refuses_scores_between_right_and_wrong():
    with pytest.raises(ValueError, match="0 and 1 only"):
        mcnemar_mid_p([0.5, 1], [0, 1])


def paired(difference, low, high, p_value, minimum_detectable=0.125):
    return PairedTest(
        difference=difference,
        low=low,
        high=high,
        p_value=p_value,
        n=100,
        only_a=12,
        only_b=8,
        minimum_detectable=minimum_detectable,
    )


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        pytest.param(paired(0.1, 0.02, 0.18, 0.01), "helps", id="above 0 and p small"),
        pytest.param(paired(-0.1, -0.18, -0.02, 0.01), "hurts", id="below 0 and p small"),
        pytest.param(paired(0.1, 0.02, 0.18, 0.05), "inconclusive", id="p at the level"),
        pytest.param(paired(0.1, 0.0, 0.18, 0.01), "inconclusive", id="interval touches 0"),
        pytest.param(paired(-0.1, -0.18, 0.0, 0.01), "inconclusive", id="touches 0 from below"),
        pytest.param(paired(0.04, -0.05, 0.13, 0.4), "inconclusive", id="covers 0"),
    ],
)
def test_the_verdict_needs_a_small_p_and_an_interval_on_one_side_of_0(test, expected):
    assert verdict(test) == expected


def test_a_conclusive_verdict_is_explained_with_its_figures():
    assert explain_verdict(paired(0.1, 0.021, 0.18, 0.0123), "soft targets", "hard labels") == (
        "soft targets helps: +10.0 pp against hard labels "
        "(95% interval +2.1 to +18.0 pp, p = 0.0123, n = 100)."
    )


def test_an_inconclusive_verdict_says_what_could_have_been_found():
    assert explain_verdict(paired(0.04, -0.05, 0.13, 0.4), "student", "baseline") == (
        "student is inconclusive: +4.0 pp against baseline "
        "(95% interval -5.0 to +13.0 pp, p = 0.4, n = 100); a true difference under 12.5 pp "
        "would be found less than 80% of the time at this size."
    )


def test_the_explanation_says_so_where_no_difference_could_have_been_found():
    hopeless = explain_verdict(mcnemar_mid_p(*outcomes(3, 0, 4)), "student", "baseline")
    assert "no difference, however large, would be found" in hopeless
    alike = explain_verdict(mcnemar_mid_p([1, 0], [1, 0]), "student", "baseline")
    assert "scored the same on every item" in alike


def test_a_tiny_p_is_not_written_as_0():
    assert "p < 0.001" in explain_verdict(paired(0.3, 0.2, 0.4, 1e-9), "a", "b")


def soft_scores(n, shift, seed):
    rng = np.random.default_rng(seed)
    b = rng.uniform(0.2, 0.7, n)
    return np.clip(b + rng.normal(shift, 0.2, n), 0, 1), b


def test_the_bootstrap_is_repeatable_and_depends_on_its_seed():
    a, b = soft_scores(80, 0.05, seed=1)
    assert paired_bootstrap(a, b, seed=3) == paired_bootstrap(a, b, seed=3)
    assert paired_bootstrap(a, b, seed=3) != paired_bootstrap(a, b, seed=4)


def test_the_bootstrap_agrees_with_the_t_interval_on_many_well_behaved_scores():
    from scipy.stats import ttest_1samp

    a, b = soft_scores(2000, 0.02, seed=2)
    found, reference = paired_bootstrap(a, b, seed=0), ttest_1samp(a - b, 0)
    limits = reference.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((limits.low, limits.high), abs=1e-3)
    assert found.p_value == pytest.approx(reference.pvalue, abs=0.01)
    assert found.difference == pytest.approx(float(np.mean(a - b)))


def test_a_clear_gain_in_real_valued_scores_helps_and_its_mirror_hurts():
    a, b = soft_scores(200, 0.15, seed=5)
    assert verdict(paired_bootstrap(a, b, seed=0)) == "helps"
    assert verdict(paired_bootstrap(b, a, seed=0)) == "hurts"


def test_the_bootstrap_counts_the_items_on_which_each_is_better():
    found = paired_bootstrap([0.5, 0.9, 0.3, 0.3], [0.4, 0.1, 0.6, 0.3], seed=0)
    assert (found.only_a, found.only_b, found.n) == (2, 1, 4)


def test_the_bootstrap_interval_covers_the_true_difference_of_skewed_scores():
    true, covered, times = 0.05, 0, 200
    for seed in range(times):
        rng = np.random.default_rng(seed)
        a = np.where(rng.random(60) < 0.1, 0.5 + rng.uniform(0, 0.4, 60), 0.53)
        mean = 0.1 * 0.7 + 0.9 * 0.53
        found = paired_bootstrap(a, np.full(60, mean - true), seed=seed, draws=400)
        covered += found.low <= true <= found.high
    assert covered / times >= 0.88


def test_the_sign_flip_test_rejects_a_true_null_about_as_often_as_its_level():
    times, rejected = 300, 0
    for seed in range(times):
        a, b = np.random.default_rng(seed).uniform(0, 1, (2, 30))
        rejected += paired_bootstrap(a, b, seed=seed, draws=300).p_value < 0.05
    assert rejected / times <= 0.09


def test_one_item_never_gives_a_verdict():
    found = paired_bootstrap([1.0], [0.0], seed=0)
    assert (found.low, found.high, found.p_value) == (-1, 1, 1)
    assert verdict(found) == "inconclusive"


@pytest.mark.parametrize("n", [2, 30])
def test_a_constant_difference_gives_itself_as_the_interval(n):
    found = paired_bootstrap([0.75] * n, [0.5] * n, seed=0)
    assert (found.low, found.high, found.minimum_detectable) == (0.25, 0.25, None)
    assert verdict(found) == ("helps" if n == 30 else "inconclusive")


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=12),
    st.integers(0, 9),
)
def test_the_bootstrap_gives_ordered_limits_for_any_scores(pairs, seed):
    a, b = zip(*pairs, strict=True)
    found = paired_bootstrap(a, b, seed=seed, draws=50)
    assert -1 <= found.low <= found.high <= 1
    assert 0 < found.p_value <= 1

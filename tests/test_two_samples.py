"""Two students on items of their own, against statsmodels and scipy."""

from __future__ import annotations

import numpy as np
import pytest

from distill.two_samples import explain_samples, two_samples


def scores(right: int, n: int) -> np.ndarray:
    return np.array([1.0] * right + [0.0] * (n - right))


@pytest.mark.parametrize(
    ("a", "b"),
    [((90, 350), (75, 350)), ((3, 10), (9, 10)), ((0, 40), (5, 90)), ((400, 700), (153, 700))],
)
def test_limits_and_p_value_are_those_of_statsmodels(
    a: tuple[int, int], b: tuple[int, int]
) -> None:
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    found = two_samples(scores(*a), scores(*b))

    low, high = proportion.confint_proportions_2indep(*a, *b, compare="diff", method="newcomb")
    _, p_value = proportion.proportions_ztest([a[0], b[0]], [a[1], b[1]])
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)
    assert found.p_value == pytest.approx(p_value, abs=1e-9)
    assert found.difference == pytest.approx(a[0] / a[1] - b[0] / b[1])


def test_fractional_scores_are_compared_by_welchs_test() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.beta(5, 2, 80), rng.beta(2, 5, 50)
    found = two_samples(a, b)

    assert found.verdict == "helps"
    assert two_samples(b, a).verdict == "hurts"
    assert two_samples(b, a).low == pytest.approx(-found.high)


def test_the_same_share_in_both_halves_is_inconclusive_and_says_what_it_could_not_see() -> None:
    found = two_samples(scores(75, 350), scores(78, 350))

    assert found.verdict == "inconclusive"
    assert found.minimum_detectable == pytest.approx(0.0876, abs=0.001)
    assert "inconclusive; a true difference under 8.8 pp" in explain_samples(found, "B", "A")


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_scores_that_are_all_the_same_show_nothing(share: float) -> None:
    found = two_samples([share] * 5, [share] * 9)

    assert found.verdict == "inconclusive"
    assert found.minimum_detectable is None
    assert found.low < 0 < found.high
    assert "no item tells the two apart" in explain_samples(found, "B", "A")


def test_so_many_items_find_the_minimum_detectable_difference_as_often_as_said() -> None:
    rng = np.random.default_rng(1)
    smallest = two_samples(scores(150, 500), scores(150, 500)).minimum_detectable
    assert smallest is not None
    found = [
        two_samples(rng.random(500) < 0.3 + smallest / 2, rng.random(500) < 0.3 - smallest / 2)
        for _ in range(300)
    ]

    assert 0.72 < np.mean([one.verdict == "helps" for one in found]) < 0.88


@pytest.mark.parametrize("bad", [[], [1.5], [float("nan")]])
def test_what_is_no_share_is_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="want one or more shares"):
        two_samples(bad, [1.0])

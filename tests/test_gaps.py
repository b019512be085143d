"""Differences between two sets of items: their intervals, and what they say."""

from __future__ import annotations

import numpy as np
import pytest

from distill.clustered import clusters_of
from distill.gaps import Gap, Sample, excess_of, gap_of
from distill.statistics import mcnemar_mid_p

Pair = tuple[np.ndarray, np.ndarray]


def sample(right: int, n: int) -> Sample:
    return Sample(scores=np.array([1.0] * right + [0.0] * (n - right)))


def drawn(rng: np.random.Generator, n: int, student: float, teacher: float, alike: float) -> Pair:
    """Return right and wrong answers of two that find the same items hard, by a share."""
    luck = rng.random(n)
    other = np.where(rng.random(n) < alike, luck, rng.random(n))
    return (luck < student).astype(float), (other < teacher).astype(float)


@pytest.mark.parametrize(("right", "n", "right_real", "n_real"), [(90, 100, 60, 80), (7, 7, 3, 50)])
def test_the_gap_of_one_answerer_has_newcombes_interval(right, n, right_real, n_real):
    from statsmodels.stats.proportion import confint_proportions_2indep

    found = gap_of(sample(right, n), sample(right_real, n_real), 0)
    wanted = confint_proportions_2indep(right, n, right_real, n_real, method="newcomb")

    assert found.difference == pytest.approx(right / n - right_real / n_real)
    assert (found.low, found.high) == pytest.approx(wanted, abs=1e-9)


def test_the_excess_is_the_difference_of_the_two_gaps():
    rng = np.random.default_rng(0)
    (student, teacher), (real, real_teacher) = (drawn(rng, n, 0.8, 0.9, 0.5) for n in (150, 90))
    found = excess_of(
        (Sample(scores=student), Sample(scores=real)),
        (Sample(scores=teacher), Sample(scores=real_teacher)),
        0,
    )

    gaps = student.mean() - real.mean() - (teacher.mean() - real_teacher.mean())
    assert found.difference == pytest.approx(gaps)
    assert found.low < found.difference < found.high
    assert found.minimum_detectable is not None


def test_with_endlessly_many_real_items_the_excess_has_the_interval_of_the_paired_test():
    rng = np.random.default_rng(1)
    student, teacher = drawn(rng, 200, 0.85, 0.9, 0.5)
    real = np.tile([1.0, 0.0], 2_000_000)
    found = excess_of(
        (Sample(scores=student), Sample(scores=real)),
        (Sample(scores=teacher), Sample(scores=real)),
        0,
    )

    test = mcnemar_mid_p(student > 0, teacher > 0)
    assert (found.low, found.high) == pytest.approx((test.low, test.high), abs=1e-4)


@pytest.mark.parametrize(
    ("n", "n_real", "synthetic", "real", "alike"),
    [
        pytest.param(40, 40, (0.9, 0.95), (0.6, 0.8), 0.5, id="few"),
        pytest.param(50, 300, (0.98, 0.98), (0.5, 0.9), 0.3, id="near one"),
        pytest.param(300, 300, (0.8, 0.8), (0.8, 0.8), 0.0, id="no excess"),
    ],
)
def test_the_interval_of_the_excess_holds_the_truth_as_often_as_it_says(
    n, n_real, synthetic, real, alike
):
    rng = np.random.default_rng(0)
    truth, draws, held = (synthetic[0] - synthetic[1]) - (real[0] - real[1]), 150, 0
    for _ in range(draws):
        sides = (drawn(rng, n, *synthetic, alike), drawn(rng, n_real, *real, alike))
        (a, b), (c, d) = ((Sample(scores=one), Sample(scores=two)) for one, two in sides)
        found = excess_of((a, c), (b, d), 0)
        held += found.low <= truth <= found.high

    # 95 % less three standard errors of so many draws.
    assert held / draws >= 0.897


def test_a_difference_that_the_sizes_can_detect_is_found_four_times_of_five():
    rng = np.random.default_rng(2)
    error = np.hypot(np.sqrt(0.9 * 0.1 / 200), np.sqrt(0.7 * 0.3 / 200))
    found = gap_of(sample(180, 200), sample(140, 200), 0)

    assert found.minimum_detectable == pytest.approx((1.95996 + 0.84162) * error, rel=0.01)
    truth = found.minimum_detectable
    hits = 0
    for _ in range(300):
        a, b = (rng.random(200) < 0.8 + truth / 2), (rng.random(200) < 0.8 - truth / 2)
        hits += gap_of(Sample(scores=a.astype(float)), Sample(scores=b.astype(float)), 0).low > 0
    assert 0.7 < hits / 300 < 0.9


def test_one_source_and_one_item_show_no_spread():
    one = Sample(scores=np.array([1.0, 0.0, 1.0]), clusters=clusters_of(["a", "a", "a"]))

    assert gap_of(one, sample(10, 20), 0).minimum_detectable is None
    assert gap_of(sample(1, 1), sample(10, 20), 0).minimum_detectable is None


def test_clusters_widen_the_gap():
    scores = np.repeat(np.random.default_rng(3).integers(2, size=40), 5).astype(float)
    together = clusters_of([f"source {i // 5}" for i in range(200)])
    alone = gap_of(Sample(scores=scores), sample(100, 200), 0)
    clustered = gap_of(Sample(scores=scores, clusters=together), sample(100, 200), 0)

    assert clustered.high - clustered.low > 1.3 * (alone.high - alone.low)
    assert isinstance(clustered, Gap)

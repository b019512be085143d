"""Items that come in clusters."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from distill.clustered import (
    Clusters,
    clustered_interval,
    clustered_standard_error,
    clustered_test,
    clusters_of,
    heldout_clusters,
)
from distill.heldout import FileHeldout
from distill.statistics import verdict, wilson


def of_size(size: int, count: int) -> Clusters:
    return Clusters(np.repeat(np.arange(count), size), count)


def test_items_of_one_name_are_a_cluster_and_nameless_ones_stand_alone() -> None:
    found = clusters_of(["a", None, "b", "a", None, ""])

    assert found is not None
    assert found.of.tolist() == [0, 1, 2, 0, 3, 4]
    assert found.sizes.tolist() == [2, 1, 1, 1, 1]


def test_items_that_all_differ_need_no_clusters() -> None:
    assert clusters_of(["a", "b", None, None]) is None
    assert clusters_of([None, None]) is None


def test_the_clustered_standard_error_is_that_of_statsmodels() -> None:
    from statsmodels.regression.linear_model import OLS

    rng = np.random.default_rng(3)
    of = rng.integers(12, size=90)
    scores = rng.random(90) + of / 20
    fitted = OLS(scores, np.ones(90)).fit(
        cov_type="cluster", cov_kwds={"groups": of, "use_correction": False}
    )

    found = clustered_standard_error(scores, Clusters(of, 12))
    assert found == pytest.approx(float(fitted.bse[0]), abs=1e-9)


def test_clusters_of_one_item_have_the_usual_standard_error() -> None:
    scores = np.random.default_rng(0).random(50)

    found = clustered_standard_error(scores, of_size(1, 50))
    assert found == pytest.approx(float(scores.std()) / np.sqrt(50), abs=1e-12)


def test_items_that_repeat_each_other_count_once() -> None:
    once = np.random.default_rng(1).integers(2, size=40).astype(float)
    scores, clusters = np.repeat(once, 10), of_size(10, 40)
    found, naive = clustered_interval(scores, clusters, 0), wilson(int(scores.sum()), 400)

    assert found.value == once.mean()
    assert found.high - found.low > 2.5 * (naive.high - naive.low)


def test_a_difference_that_rests_on_one_cluster_is_no_verdict() -> None:
    # The student wins fifty items, all of one source, and ties on all others.
    a, b = np.zeros(100), np.zeros(100)
    a[:50] = 1
    clusters = clusters_of(["one"] * 50 + [f"s{i}" for i in range(50)])

    assert clusters is not None
    assert verdict(clustered_test(a, b, clusters, 0)) == "inconclusive"


def test_a_difference_that_all_clusters_show_helps_and_its_mirror_hurts() -> None:
    rng = np.random.default_rng(2)
    a, b, clusters = np.ones(200), rng.integers(2, size=200).astype(float), of_size(5, 40)

    there, back = clustered_test(a, b, clusters, 0), clustered_test(b, a, clusters, 0)
    assert (verdict(there), verdict(back)) == ("helps", "hurts")
    assert there.minimum_detectable is not None
    assert there.low < there.difference < there.high


def test_one_cluster_gives_no_verdict() -> None:
    found = clustered_test(np.ones(80), np.zeros(80), of_size(80, 1), 0)

    assert verdict(found) == "inconclusive"
    assert (found.low, found.high, found.minimum_detectable) == (-1, 1, None)
    assert clustered_interval(np.ones(80), of_size(80, 1), 0).low == 0


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_scores_that_are_all_alike_are_not_certain(score: float) -> None:
    clusters = clusters_of([str(i // 2) for i in range(40)])
    assert clusters is not None
    scores = np.full(40, score)

    one = clustered_interval(scores, clusters, 0)
    alone = wilson(int(score) * 20, 20)
    assert (one.value, one.low, one.high, one.n) == (score, alone.low, alone.high, 40)
    both = clustered_test(scores, scores, clusters, 0)
    assert both.low < -0.1 < both.difference == 0 < 0.1 < both.high
    assert both.p_value == 1


def test_the_same_seed_gives_the_same_limits() -> None:
    rng = np.random.default_rng(5)
    a, b, clusters = rng.random(60), rng.random(60), of_size(3, 20)

    assert clustered_test(a, b, clusters, 1) == clustered_test(a, b, clusters, 1)
    assert clustered_test(a, b, clusters, 1) != clustered_test(a, b, clusters, 2)


def test_clustered_limits_cover_the_truth_where_naive_ones_do_not() -> None:
    # 40 sources of 10 items; a source is easy (.9) or hard (.3), so that the truth is .6.
    rng, clusters = np.random.default_rng(0), of_size(10, 40)
    covered = naive = 0
    rounds = 200
    for i in range(rounds):
        easy = np.where(rng.integers(2, size=40) == 1, 0.9, 0.3)
        scores = (rng.random(400) < np.repeat(easy, 10)).astype(float)
        found, usual = clustered_interval(scores, clusters, i), wilson(int(scores.sum()), 400)
        covered += found.low <= 0.6 <= found.high
        naive += usual.low <= 0.6 <= usual.high

    assert 0.90 <= covered / rounds <= 0.99
    assert naive / rounds < 0.75


def test_held_out_rows_name_their_cluster_among_their_other_keys(tmp_path: Path) -> None:
    rows = [{"cluster": 7}, {"cluster": "7"}, {"other": 1}, {"cluster": None}, {"cluster": "8"}]
    path = tmp_path / "heldout.jsonl"
    made = [{"question": f"q{i}", "reference_answer": "a", **row} for i, row in enumerate(rows)]
    path.write_text("".join(json.dumps(row) + "\n" for row in made), encoding="utf-8")
    records = FileHeldout(path=str(path), max_question_chars=100).read()

    assert records is not None
    found = heldout_clusters(records.frame)
    assert found is not None
    assert found.of.tolist() == [0, 0, 1, 2, 3]
    assert heldout_clusters(records.frame.drop("extra")) is None

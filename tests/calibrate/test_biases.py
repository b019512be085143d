"""What moves a judge's score beside what is right."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest

from distill.calibrate.biases import (
    Position,
    SelfPreference,
    Verbosity,
    position,
    repeats,
    self_preference,
    slope_of,
    verbosity,
)
from distill.calibrate.kin import is_kin


def answers(seed: int, *, pays: float, items: int = 200) -> tuple[Any, Any, Any]:
    """Draw human scores, lengths that right answers have more of, and a judge's scores."""
    rng = np.random.default_rng(seed)
    human = (rng.random(items) < 0.5).astype(float)
    lengths = np.exp(rng.normal(5 + human, 0.7))
    noise = rng.normal(0, 0.1, items)
    scores = 0.3 + 0.4 * human + pays * (np.log2(lengths) - 8) + noise
    return human, scores, lengths


def test_the_partial_correlation_follows_its_formula() -> None:
    human, scores, lengths = answers(0, pays=0.05)
    found = verbosity(human, scores, lengths, seed=0)
    assert isinstance(found, Verbosity)

    logs = np.log2(1 + lengths)
    (_, sh, sl), (_, _, hl), _ = np.corrcoef([scores, human, logs])
    wanted = (sl - sh * hl) / math.sqrt((1 - sh**2) * (1 - hl**2))
    assert found.correlation == pytest.approx(wanted, abs=1e-9)


def test_a_judge_that_pays_for_length_is_found_and_by_how_much() -> None:
    found = verbosity(*answers(2, pays=0.05), seed=0)
    assert isinstance(found, Verbosity)
    assert found.p_value < 0.01
    assert found.per_doubling.low > 0

    slopes = [
        slope_of(scores, human, np.log2(lengths))
        for human, scores, lengths in (answers(seed, pays=0.05) for seed in range(200))
    ]
    assert np.mean([one.low <= 0.05 <= one.high for one in slopes]) >= 0.9


def test_longer_answers_that_are_better_are_no_bias() -> None:
    # Right answers are longer and score higher: at equal human score nothing is left.
    found = [verbosity(*answers(seed, pays=0.0, items=60), seed=0) for seed in range(100)]
    assert all(isinstance(one, Verbosity) for one in found)
    false = [one for one in found if isinstance(one, Verbosity) and one.p_value < 0.05]
    assert len(false) <= 12


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param({"items": 9}, "fewer than 10", id="few"),
        pytest.param({"lengths": 1}, "of the same length", id="equal lengths"),
        pytest.param({"scores": 1}, "gives every answer the same", id="equal scores"),
    ],
)
def test_what_cannot_be_measured_says_why(change: dict[str, Any], why: str) -> None:
    human, scores, lengths = answers(2, pays=0.05)
    n = change.get("items", len(human))
    if "lengths" in change:
        lengths = np.full(len(human), 120.0)
    if "scores" in change:
        scores = 0.25 + human / 2
    found = verbosity(human[:n], scores[:n], lengths[:n], seed=0)
    assert isinstance(found, str)
    assert why in found


def test_the_slope_and_its_limits_are_those_of_statsmodels() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = pytest.importorskip("statsmodels.regression.linear_model").OLS
    human, scores, lengths = answers(3, pays=0.02)
    logs = np.log2(lengths)
    design = np.column_stack([np.ones_like(human), human, logs])
    wanted = reference(scores, design).fit(cov_type="HC3", use_t=True)

    found = slope_of(scores, human, logs)

    assert found.value == pytest.approx(wanted.params[2], abs=1e-9)
    assert (found.low, found.high) == pytest.approx(tuple(wanted.conf_int()[2]), abs=1e-9)


def test_a_judge_that_favours_its_own_is_found_and_by_how_much() -> None:
    human, scores, _ = answers(4, pays=0.0)
    own = np.arange(len(human)) % 2 == 0
    found = self_preference(human, scores + 0.1 * own, own, ["claude-b", "claude-a"])
    assert isinstance(found, SelfPreference)
    assert found.excess.low < 0.1 < found.excess.high
    assert found.excess.low > 0
    assert (found.own, found.others) == (100, 100)
    assert found.authors == ("claude-a", "claude-b")


def test_own_answers_that_are_better_are_no_self_preference() -> None:
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(100):
        own = rng.random(120) < 0.5
        human = (rng.random(120) < np.where(own, 0.9, 0.3)).astype(float)
        # A lukewarm judge: right answers get .7 and wrong ones .3, whoever gave them.
        scores = 0.3 + 0.4 * human + rng.normal(0, 0.1, 120)
        found = self_preference(human, scores, own, ["x"])
        assert isinstance(found, SelfPreference)
        held += found.excess.low <= 0 <= found.excess.high
    assert held >= 90


def test_too_few_of_one_kind_of_author_say_so() -> None:
    human, scores, _ = answers(6, pays=0.0)
    own = np.arange(len(human)) < 4
    found = self_preference(human, scores, own, [])
    assert found == "4 answers by the judge's own family and 196 by others"


def test_a_steady_judge_never_flips() -> None:
    found = repeats([[0.8, 0.8], [0.2, 0.2]], 0.75)
    assert found is not None
    assert (found.flip_rate, found.deviation, found.rows, found.judgements) == (0, 0, 2, 4)
    assert 0 < found.high < 1


def test_flips_are_pairs_of_judgements_on_different_sides() -> None:
    found = repeats([[0.8, 0.7, 0.8], [0.9, 0.9, 0.9], [0.1, 0.2, 0.1]], 0.75)
    assert found is not None
    assert found.flip_rate == pytest.approx(2 / 3 / 3)  # of the first answer's 3 pairs 2
    variances = [np.var([0.8, 0.7, 0.8], ddof=1), 0, np.var([0.1, 0.2, 0.1], ddof=1)]
    assert found.deviation == pytest.approx(math.sqrt(np.mean(variances)))


def test_noise_flips_as_often_as_simulated_elsewhere() -> None:
    # Items of SD .2, noise of SD .15, threshold .75 near the middle: two runs differ on 28.5 %.
    rng = np.random.default_rng(7)
    true = rng.normal(0.75, 0.2, 4000)
    draws = true[:, None] + rng.normal(0, 0.15, (4000, 2))
    found = repeats(draws.tolist(), 0.75)
    assert found is not None
    assert found.flip_rate == pytest.approx(0.285, abs=0.02)
    assert found.deviation == pytest.approx(0.15, abs=0.01)


def compared(**counts: int) -> dict[str, float]:
    return {"compared": 0, "consistent": 0, "first_twice": 0, "second_twice": 0, **counts}


def test_a_judge_that_favours_a_place_is_found() -> None:
    # Twenty pairs, each on both of its answers: eight agree, in twelve the first won twice.
    pairs = [compared(compared=1, consistent=1)] * 16 + [compared(compared=1, first_twice=1)] * 24
    found = position([*pairs, None])
    assert isinstance(found, Position)
    assert (found.consistency.value, found.consistency.n) == (0.4, 20)
    assert (found.first, found.second) == (12, 0)
    assert found.p_value == pytest.approx(2 * 0.5**12)


def test_a_judge_that_favours_both_places_alike_favours_none() -> None:
    pairs = [compared(compared=1, first_twice=1), compared(compared=1, second_twice=1)] * 10
    found = position(pairs)
    assert isinstance(found, Position)
    assert found.p_value == 1


def test_the_place_is_only_measured_where_answers_are_compared() -> None:
    assert position([{"accuracy": 5.0}, None]) == "the judge looks at one answer at a time"
    assert position([compared()]) == "no two answers to one question were compared"


def test_judgements_without_a_score_are_left_out() -> None:
    found = repeats([[0.8, None, 0.8], [0.9, None]], 0.75)
    assert found is not None
    assert (found.rows, found.judgements) == (1, 2)
    assert repeats([[0.8, None]], 0.75) is None
    assert repeats([], 0.75) is None


@pytest.mark.parametrize(
    ("author", "judge", "kin"),
    [
        ("claude-opus-4-5-20251101", "claude-sonnet-4-6", True),
        ("anthropic/Claude-Sonnet-4-6", "claude-sonnet-4-6", True),
        ("claude-opus-4-5", "claude-opus-4-5-20251101", True),
        ("deepseek-r1-distill-qwen-7b", "qwen2.5-7b-instruct", True),
        ("gpt-5", "claude-sonnet-4-6", False),
        ("our-own-model", "claude-sonnet-4-6", False),
        ("our-own-model", "our-own-model", True),
        ("human", "claude-sonnet-4-6", False),
    ],
)
def test_kin_is_the_same_model_base_or_vendor(author: str, judge: str, kin: bool) -> None:
    assert is_kin(author, judge) is kin

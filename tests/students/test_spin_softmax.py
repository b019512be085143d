"""Self-play where its mathematics is known: one softmax over 20 categories, no network.

The whole expectation over pairs is minimised instead of draws from it, so that what is seen is the
method and not luck.

Source:
    Chen et al. 2024, arXiv 2401.01335, equation 4.7 and theorem 5.4: the next player is
    proportional to p (data / p)^(1 / lambda), and only the data's own distribution stays.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize

Vector = NDArray[np.float64]
CATEGORIES = 20


def softmax(logits: Vector) -> Vector:
    shifted = np.exp(logits - logits.max())
    return np.asarray(shifted / shifted.sum())


def kl(p: Vector, q: Vector) -> float:
    return float((p * np.log(p / q)).sum())


def loss_and_slope(
    logits: Vector, opponent: Vector, data: Vector, strength: float
) -> tuple[float, Vector]:
    """Return the expected loss over pairs (real, own), and its gradient."""
    ratio = strength * (np.log(softmax(logits)) - np.log(opponent))
    margins = ratio[:, None] - ratio[None, :]
    weights = np.outer(data, opponent)
    pull = -weights / (1 + np.exp(margins))
    # The normaliser of the softmax cancels between the two answers of a pair.
    slope = strength * (pull.sum(axis=1) - pull.sum(axis=0))
    return float((weights * np.logaddexp(0, -margins)).sum()), slope


def play(opponent: Vector, data: Vector, strength: float) -> tuple[Vector, float]:
    """Return the player that one iteration comes to, and its loss."""
    found = minimize(
        loss_and_slope,
        np.log(opponent),
        (opponent, data, strength),
        jac=True,
        method="BFGS",
        options={"gtol": 1e-9, "maxiter": 500},
    )
    return softmax(found.x), float(found.fun)


@pytest.fixture
def start() -> tuple[Vector, Vector]:
    """Return the data's distribution and the first opponent."""
    rng = np.random.default_rng(0)
    data, first = (softmax(rng.normal(size=CATEGORIES)) for _ in range(2))
    return data, first


def test_one_iteration_reaches_the_data_at_lambda_1(start: tuple[Vector, Vector]) -> None:
    data, first = start
    player, _ = play(first, data, 1.0)

    assert kl(data, first) > 0.1
    assert kl(data, player) < 1e-4


def test_each_iteration_goes_a_part_of_the_way_at_lambda_2(start: tuple[Vector, Vector]) -> None:
    data, opponent = start
    for _ in range(3):
        player, _ = play(opponent, data, 2.0)
        closed = opponent * (data / opponent) ** 0.5
        assert np.abs(player - closed / closed.sum()).sum() / 2 < 1e-4
        assert kl(data, player) <= 0.35 * kl(data, opponent)
        opponent = player


def test_where_player_and_data_are_alike_the_loss_is_log_2(start: tuple[Vector, Vector]) -> None:
    data, opponent = start
    losses = []
    for _ in range(6):
        opponent, loss = play(opponent, data, 2.0)
        losses.append(loss)
    at_rest, slope = loss_and_slope(np.log(data), data, data, 2.0)

    assert abs(losses[-1] - math.log(2)) < 0.005
    assert losses == sorted(losses)
    assert at_rest == pytest.approx(math.log(2))
    assert np.abs(slope).max() < 1e-12

"""Has the distribution of a teacher's answers moved? A permutation test, paired by question.

Were nothing changed, the replies to a question of then and of now would be draws of one
distribution, and which of them bear the label `now` would be chance. So the labels are dealt anew
within each question, never across questions, and every measure is taken again under each deal:

    answers   of texts: mean distance across then and now less the mean distance within each;
              of labels: total variation between the mean distributions
    numbers   total variation between the final numbers (task `math`)
    stops     change of the shares of stop reasons, refusals among them, over all questions
    length    change of the mean log length, over all questions

`p = (1 + b) / (1 + B)`, where b of B deals move as far as what was observed. A measure that no
deal can move is left out; the others are adjusted for their number (Holm), so that an unchanged
teacher is called changed in at most 5 % of checks. The test is exact: it asks nothing of the
distributions and holds for a handful of questions, where it then shows little.

A teacher that always says the same needs no case of its own: a question whose answer changed for
good separates then from now wholly, which of the deals of 5 and 5 replies only 1 in 126 does.

Source: Phipson and Smyth 2010, Stat Appl Genet Mol Biol 9:39 (the count); Székely and Rizzo 2013,
J Stat Plan Inference 143:1249 (energy distance); Holm 1979, Scand J Stat 6:65.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from distill.diversity.relabel import holm
from distill.statistics import ALPHA

PERMUTATIONS = 9999
SEED = 0
EQUAL = 1e-9  # deals that move by less than this apart tie
# Arithmetic on another processor moves the scores of labels by less.
SAME_PROBS = 0.005
DEALT_AT_ONCE = 2_000_000  # numbers in memory: 16 MB

Floats = NDArray[np.float64]
# `(deals, replies)`, 1 where the reply is labelled `now`, to `(deals, …)` of one question.
Moved = Callable[[Floats], Floats]
Name = Literal["answers", "numbers", "stops", "length"]


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One way in which answers can move.

    Args:
        name: See the module.
        moved: By question: what a labelling of its replies makes of it.
        signed: Whether the questions' values are added up before their size is taken, so that
            only a change in one direction counts; else each is a size of its own.
    """

    name: Name
    moved: Sequence[Moved]
    signed: bool = False


@dataclass(frozen=True, kw_only=True)
class Shift:
    """What came of one measure.

    Args:
        name: See the module.
        effect: Mean over the questions as observed, chance taken off where the measure is a size
            (below 0 where less moved than by chance); a signed one is as it is: of `length` the
            log of the ratio, of `stops` the share that moved.
        p_value: In (0, 1], of this measure alone.
        p_holm: The same, adjusted for all measures.
        by_question: `(questions,)` what each contributes, chance taken off; empty where signed.
    """

    name: Name
    effect: float
    p_value: float
    p_holm: float
    by_question: tuple[float, ...]

    @property
    def found(self) -> bool:
        """Whether it moved."""
        return self.p_holm <= ALPHA


def shifts(
    measures: Sequence[Measure],
    sizes: Sequence[tuple[int, int]],
    *,
    permutations: int = PERMUTATIONS,
    seed: int = SEED,
) -> list[Shift]:
    """Test all measures under the same deals of labels.

    Args:
        measures: Each with one function a question.
        sizes: Replies of each question, (then, now), both >= 1; a function takes those of then
            first.
        permutations: Deals, >= 1; the smallest p-value is 1 / (permutations + 1).
        seed: The same seed gives the same result.

    Returns:
        One a measure that a deal can move, in their order.
    """
    rng = np.random.default_rng(seed)
    sums: list[Any] = [0.0] * len(measures)
    beyond: list[list[float]] = [[] for _ in measures]
    for q, (then, now) in enumerate(sizes):
        labels = _deals(then, now, permutations, rng)
        for m, measure in enumerate(measures):
            values = _in_parts(measure.moved[q], labels)
            sums[m] = sums[m] + values / len(sizes)
            if not measure.signed:
                beyond[m].append(float(values[0] - values[1:].mean()))
    tested = []
    for measure, by_deal, own in zip(measures, sums, beyond, strict=True):
        statistic = _size(by_deal) if measure.signed else by_deal
        if np.ptp(statistic) < EQUAL:
            continue
        as_far = int((statistic[1:] >= statistic[0] - EQUAL).sum())
        if not measure.signed:
            effect = statistic[0] - statistic[1:].mean()
        else:
            effect = statistic[0] if by_deal.ndim == 2 else by_deal[0]
        tested.append((measure, own, float(effect), (1 + as_far) / (1 + permutations)))
    adjusted = holm([p for *_, p in tested])
    return [
        Shift(
            name=measure.name,
            effect=effect,
            p_value=p,
            p_holm=float(p_holm or 0.0),
            by_question=tuple(own),
        )
        for (measure, own, effect, p), p_holm in zip(tested, adjusted, strict=True)
    ]


def least_p_value(sizes: Sequence[tuple[int, int]]) -> float:
    """Return the smallest p-value that so many replies can give, however much moves, in (0, 1]."""
    logs = 0.0
    for then, now in sizes:
        # A deal and the one with both names exchanged are as far apart, where the sizes are equal.
        logs += math.log((2 if then == now else 1) / math.comb(then + now, now))
    return max(math.exp(logs), 1 / (1 + PERMUTATIONS))


def texts_moved(distance: Floats) -> Moved:
    """Return the energy distance of one question.

    Args:
        distance: (replies, replies), symmetric, 0 on the diagonal, each in [0, 1].
    """

    def moved(labels: Floats) -> Floats:
        now, then = labels, 1 - labels
        to_now = now @ distance
        n_now, n_then = now.sum(axis=1), then.sum(axis=1)
        across = (to_now * then).sum(axis=1) / (n_now * n_then)
        within_now = (to_now * now).sum(axis=1) / np.maximum(n_now * (n_now - 1), 1)
        within_then = (then @ distance * then).sum(axis=1) / np.maximum(n_then * (n_then - 1), 1)
        result: Floats = across - (within_now + within_then) / 2
        return result

    return moved


def shares_moved(shares: Floats) -> Moved:
    """Return the total variation, in [0, 1], between the mean distributions of one question.

    Args:
        shares: (replies, values), each row sums to 1.
    """

    def moved(labels: Floats) -> Floats:
        variation = np.abs(_mean_change(labels, shares)).sum(axis=1) / 2
        return np.where(variation < SAME_PROBS, 0.0, variation)

    return moved


def mean_moved(values: Floats) -> Moved:
    """Return the change of the mean of one question.

    Args:
        values: (replies, values) or (replies,).
    """
    return lambda labels: _mean_change(labels, values)


def one_hot(values: Sequence[Hashable], known: Sequence[Hashable]) -> Floats:
    """Return (replies, known), 1 where a reply has that value."""
    place: Mapping[Any, int] = {value: i for i, value in enumerate(known)}
    made = np.zeros((len(values), len(known)))
    made[np.arange(len(values)), [place[value] for value in values]] = 1
    return made


def _mean_change(labels: Floats, values: Floats) -> Floats:
    now, then = labels, 1 - labels
    shape = (-1, *[1] * (values.ndim - 1))
    n_now, n_then = now.sum(axis=1).reshape(shape), then.sum(axis=1).reshape(shape)
    change: Floats = now @ values / n_now - then @ values / n_then
    return change


def _deals(then: int, now: int, permutations: int, rng: np.random.Generator) -> Floats:
    """Return (1 + permutations, replies), 1 for `now`: as observed, then dealt at random."""
    replies = then + now
    observed = np.zeros((1, replies))
    observed[:, then:] = 1
    dealt = np.empty((permutations, replies))
    rows = max(1, DEALT_AT_ONCE // replies)
    for start in range(0, permutations, rows):
        part = dealt[start : start + rows]
        order = rng.random(part.shape).argsort(axis=1)
        part[:] = order < now
    return np.concatenate([observed, dealt])


def _in_parts(moved: Moved, labels: Floats) -> Floats:
    rows = max(1, DEALT_AT_ONCE // labels.shape[1])
    return np.concatenate(
        [moved(labels[start : start + rows]) for start in range(0, len(labels), rows)]
    )


def _size(change: Floats) -> Floats:
    """Return the total variation of changes of shares, (deals, values), or the size of one."""
    sizes: Floats = np.abs(change)
    return sizes if sizes.ndim == 1 else sizes.sum(axis=1) / 2

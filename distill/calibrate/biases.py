"""What moves a judge's score beside what is right: length, author, place, the day.

Every bias is measured at equal human score, because long answers, or answers of the judge's own
family, may simply be better or worse. What cannot be measured says why in a sentence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from distill.calibrate.agreement import Bools, Floats, share
from distill.statistics import CONFIDENCE, RESAMPLED_AT_ONCE, Interval

PERMUTATIONS = 4999
# Fewer labels, or fewer of either kind of author, say nothing of a slope.
LEAST_ROWS = 10
LEAST_OF_A_KIND = 5
TINY = 1e-9
# What a judge that compares says of an answer's comparisons.
COUNTS = frozenset({"compared", "consistent", "first_twice", "second_twice"})


@dataclass(frozen=True, kw_only=True)
class Slope:
    """How far the judge's score moves with something else, at equal human score.

    Args:
        value: Of the score, a unit of that something; in [-1, 1] for a yes or no.
        low: Lower limit of the 95 % interval.
        high: Upper limit.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Verbosity:
    """Whether length pays.

    Args:
        correlation: Partial correlation of score and log length given the human score, in [-1, 1].
        p_value: Two-sided, of a permutation test, in (0, 1].
        per_doubling: What the score gains when an answer is twice as long.
        n: Answers.
    """

    correlation: float
    p_value: float
    per_doubling: Slope
    n: int


@dataclass(frozen=True, kw_only=True)
class SelfPreference:
    """Whether the judge favours answers of its own family.

    Args:
        excess: Judge's score less the human's: own answers against others, at equal human score.
        own: Answers of the judge's own family.
        others: Answers of others.
        authors: The models that count as its own, as the labels name them, sorted.
    """

    excess: Slope
    own: int
    others: int
    authors: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Position:
    """Whether the place of an answer decides, where two are compared in both orders.

    Args:
        consistency: Share of the pairs with the same result in both orders.
        first: Pairs in which the answer shown first won twice, whichever it was.
        second: Pairs in which the one shown second did.
        p_value: Two-sided, exact; the null hypothesis is that neither place is favoured.
    """

    consistency: Interval
    first: int
    second: int
    p_value: float


@dataclass(frozen=True, kw_only=True)
class Repeats:
    """Whether the judge agrees with itself.

    Args:
        flip_rate: How often two judgements of one answer lie on different sides of the threshold.
        low: Lower limit of its 95 % interval, in [0, 1].
        high: Upper limit, in [0, 1].
        deviation: Standard deviation of the scores of one answer, root mean square over answers.
        rows: Answers that were judged again and scored twice or more.
        judgements: Scores of these answers together.
    """

    flip_rate: float
    low: float
    high: float
    deviation: float
    rows: int
    judgements: int


def position(raw: Sequence[Mapping[str, float] | None]) -> Position | str:
    """Measure whether the place of an answer decides, for a judge that compares two.

    Args:
        raw: By answer the raw scores of its verdict; of a judge that compares, the counts of its
            comparisons, each asked in both orders: `COUNTS`.

    Returns:
        The measure, or why there is none.

    Source: Zheng et al. 2023, arXiv 2306.05685, table 2 (consistency, and bias by place).
    """
    from scipy.stats import binomtest

    counted = [own for own in raw if own is not None and own.keys() >= COUNTS]
    if not counted:
        return "the judge looks at one answer at a time"
    # Every pair stands on both of its answers.
    total = {name: round(sum(own[name] for own in counted)) // 2 for name in COUNTS}
    consistency = share(total["consistent"], total["compared"])
    if consistency is None:
        return "no two answers to one question were compared"
    first, second = total["first_twice"], total["second_twice"]
    p_value = float(binomtest(first, first + second).pvalue) if first + second else 1.0
    return Position(consistency=consistency, first=first, second=second, p_value=p_value)


def verbosity(human: Floats, scores: Floats, lengths: Floats, *, seed: int) -> Verbosity | str:
    """Measure whether longer answers score higher.

    Args:
        human: `(items,)`, human scores in [0, 1].
        scores: `(items,)`, the judge's.
        lengths: `(items,)`, characters of the answers, >= 0.
        seed: Of the permutations.

    Returns:
        The measure, or why there is none.

    Source:
        Freedman and Lane 1983, J Bus Econ Stat 1:292 (the residuals are dealt anew);
        Phipson and Smyth 2010, Stat Appl Genet Mol Biol 9:39 (the count).
    """
    if len(human) < LEAST_ROWS:
        return f"fewer than {LEAST_ROWS} labelled answers"
    logs = np.log2(1 + lengths)
    score, length = _residual(scores, human), _residual(logs, human)
    if not length.any():
        return "all answers are of the same length"
    if not score.any():
        return "at equal human score the judge gives every answer the same"
    size = math.sqrt(float(score @ score) * float(length @ length))
    correlation = float(score @ length) / size
    as_far = _as_far(score, length, abs(correlation) * size, seed)
    return Verbosity(
        correlation=correlation,
        p_value=(1 + as_far) / (1 + PERMUTATIONS),
        per_doubling=slope_of(scores, human, logs),
        n=len(human),
    )


def self_preference(
    human: Floats, scores: Floats, own: Bools, authors: Sequence[str]
) -> SelfPreference | str:
    """Measure whether answers of the judge's own family score higher than a human says.

    Args:
        human: `(items,)`, human scores in [0, 1], of answers whose author is named.
        scores: `(items,)`, the judge's.
        own: `(items,)`, whether the author is of the judge's family.
        authors: Names of those who are.

    Returns:
        The measure, or why there is none.
    """
    n, others = int(own.sum()), int((~own).sum())
    if min(n, others) < LEAST_OF_A_KIND:
        return f"{n} answers by the judge's own family and {others} by others"
    if not _residual(own.astype(float), human).any():
        return "the human scores the two kinds of author apart in every answer"
    excess = slope_of(scores - human, human, own.astype(float))
    return SelfPreference(excess=excess, own=n, others=others, authors=tuple(sorted(authors)))


def repeats(draws: Sequence[Sequence[float | None]], threshold: float) -> Repeats | None:
    """Measure how a judge's scores of the same answer differ.

    Args:
        draws: By answer its scores; `None` where the judge gave none.
        threshold: Scores below fall out.

    Returns:
        `None` where no answer was scored twice.

    Note:
        The interval is Wilson's, as if each answer flipped wholly or not at all: it is never too
        narrow for answers that flip now and then.
    """
    scored = [[score for score in own if score is not None] for own in draws]
    scored = [own for own in scored if len(own) > 1]
    if not scored:
        return None
    flips = [_flips([score >= threshold for score in own]) for own in scored]
    variance = np.mean([np.var(own, ddof=1) for own in scored])
    rate = float(np.mean(flips))
    low, high = _wilson(rate, len(flips))
    return Repeats(
        flip_rate=rate,
        low=low,
        high=high,
        deviation=math.sqrt(float(variance)),
        rows=len(scored),
        judgements=sum(map(len, scored)),
    )


def slope_of(outcome: Floats, human: Floats, factor: Floats) -> Slope:
    """Return the least-squares slope of a factor beside the human score.

    Args:
        outcome: `(items,)`.
        human: `(items,)`.
        factor: `(items,)`, not wholly told by `human`.

    Source: MacKinnon and White 1985, J Econom 29:305 (HC3, for spreads that differ).
    """
    from scipy.stats import t

    design = np.column_stack([np.ones_like(human), human, factor])
    inverse = np.linalg.pinv(design.T @ design)
    beta = inverse @ design.T @ outcome
    leverage = np.minimum(((design @ inverse) * design).sum(axis=1), 1 - TINY)
    errors = (outcome - design @ beta) / (1 - leverage)
    spread = inverse @ (design.T * errors**2) @ design @ inverse
    reach = float(t.ppf((1 + CONFIDENCE) / 2, len(human) - 3)) * math.sqrt(max(0.0, spread[2, 2]))
    value = float(beta[2])
    return Slope(value=value, low=value - reach, high=value + reach)


def _residual(values: Floats, human: Floats) -> Floats:
    """Return what a straight line in the human score leaves of `values`; 0 up to rounding is 0."""
    design = np.column_stack([np.ones_like(human), human])
    left = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    found: Floats = np.where(np.abs(left) < TINY, 0.0, left)
    return found


def _as_far(score: Floats, length: Floats, observed: float, seed: int) -> int:
    rng = np.random.default_rng(seed)
    at_once = max(1, RESAMPLED_AT_ONCE // len(score))
    found = 0
    for start in range(0, PERMUTATIONS, at_once):
        rows = min(at_once, PERMUTATIONS - start)
        dealt = rng.permuted(np.broadcast_to(length, (rows, len(length))), axis=1)
        found += int((np.abs(dealt @ score) >= observed - TINY).sum())
    return found


def _flips(kept: Sequence[bool]) -> float:
    """Return the share of pairs of judgements that differ."""
    n, yes = len(kept), sum(kept)
    return 2 * yes * (n - yes) / (n * (n - 1))


def _wilson(rate: float, n: int) -> tuple[float, float]:
    """Return Wilson's limits of a mean of shares."""
    from scipy.special import ndtri

    z = float(ndtri((1 + CONFIDENCE) / 2))
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    return max(0.0, middle - reach), min(1.0, middle + reach)

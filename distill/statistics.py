"""What a number of held-out items can and cannot show: intervals, paired tests, a verdict.

Two students are compared item by item on the same held-out items, because the items' difficulty
then cancels out. Right-or-wrong scores get McNemar's mid-p test with Tango's interval, which
never covers 0 where the test rejects (Fagerland et al. 2014 recommend both); scores between 0 and
1 get a bootstrap interval and a sign-flip test. Every comparison bears the smallest difference
that its number of items could have shown, so that "no difference found" is not read as "equal".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

ALPHA = 0.05
POWER = 0.8
CONFIDENCE = 0.95
BISECTIONS = 60  # halves an interval of width 2 down to the precision of a float
RESAMPLED_AT_ONCE = 1_000_000  # numbers in memory while resampling: 8 MB

Verdict = Literal["helps", "hurts", "inconclusive"]


@dataclass(frozen=True)
class Interval:
    """A share with its confidence interval.

    Args:
        value: Observed share, in [0, 1].
        low: Lower limit, in [0, 1].
        high: Upper limit, in [0, 1].
        n: Items that the share was counted on, >= 1.
    """

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class PairedTest:
    """Two students, a and b, compared on the same held-out items.

    Args:
        difference: Mean score of a minus mean score of b, in [-1, 1].
        low: Lower limit of its 95 % confidence interval, in [-1, 1].
        high: Upper limit, in [-1, 1].
        p_value: Two-sided, in [0, 1]; the null hypothesis is that neither is better.
        n: Items, >= 1.
        only_a: Items on which a scored higher; with right-or-wrong scores, those only a got right.
        only_b: The same for b.
        minimum_detectable: Smallest true difference, in [0, 1], that a test on so many items with
            so much disagreement finds with a power of 0.8. Where all of so little disagreement
            would not be enough, the smallest that comes of more of it, all one way; `None` where
            no difference is large enough.
    """

    difference: float
    low: float
    high: float
    p_value: float
    n: int
    only_a: int
    only_b: int
    minimum_detectable: float | None


def wilson(successes: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Return Wilson's score interval: near its nominal coverage on average, also for small n.

    Args:
        successes: In [0, n].
        n: Items, >= 1.
        confidence: In (0, 1).

    Raises:
        ValueError: `n` is below 1, or `successes` not in [0, n].

    Source: Wilson 1927, JASA 22:209.
    """
    return _share(successes, n, confidence, "wilson")


def clopper_pearson(successes: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Return the exact interval: never below its nominal coverage, hence wider; for release gates.

    Arguments and errors are those of `wilson`. Source: Clopper and Pearson 1934, Biometrika 26:404.
    """
    return _share(successes, n, confidence, "exact")


def _share(successes: int, n: int, confidence: float, method: str) -> Interval:
    from scipy.stats import binomtest

    if n < 1:
        raise ValueError(f"n: got {n}, want 1 or more")
    limits = binomtest(successes, n).proportion_ci(confidence_level=confidence, method=method)
    return Interval(successes / n, float(limits.low), float(limits.high), n)


def mcnemar_mid_p(a_correct: npt.ArrayLike, b_correct: npt.ArrayLike) -> PairedTest:
    """Compare two students whose answers are right or wrong.

    Args:
        a_correct: `(items,)`, booleans or 0 and 1: whether a got the item right.
        b_correct: `(items,)`, the same for b, in the same order.

    Raises:
        ValueError: no items, unequal lengths, or a value that is neither 0 nor 1.

    Source:
        Fagerland, Lydersen and Laake 2013, BMC Med Res Methodol 13:91 (mid-p test);
        Tango 1998, Stat Med 17:891 (score interval).
    """
    a, b = _aligned(a_correct, b_correct)
    if not (np.isin(a, (0, 1)).all() and np.isin(b, (0, 1)).all()):
        raise ValueError("scores: got a value between right and wrong, want 0 and 1 only")
    n, only_a, only_b = len(a), int((a > b).sum()), int((a < b).sum())
    return PairedTest(
        difference=(only_a - only_b) / n,
        low=_tango_low(only_a, only_b, n),
        high=-_tango_low(only_b, only_a, n),
        p_value=_mid_p(only_a, only_b),
        n=n,
        only_a=only_a,
        only_b=only_b,
        minimum_detectable=minimum_detectable_difference(n, (only_a + only_b) / n)
        or _detectable_one_way(n),
    )


def paired_bootstrap(
    a_scores: npt.ArrayLike, b_scores: npt.ArrayLike, seed: int, draws: int = 2000
) -> PairedTest:
    """Compare two students whose answers have scores between 0 and 1.

    The interval is the BCa bootstrap over items. The p-value is that of the sign-flip test: were
    neither better, each item's difference could as well have had the other sign.

    Args:
        a_scores: `(items,)`, each in [0, 1].
        b_scores: `(items,)`, in the same order.
        seed: The same seed gives the same result.
        draws: Resamples of each kind, >= 1; more make the limits steadier, not narrower.

    Raises:
        ValueError: no items, unequal lengths, or a score outside [0, 1].

    Note:
        One item says nothing about the spread: its interval is all of [-1, 1]. Where all items
        differ by the same amount the interval is that amount, and the p-value alone decides.
        The minimum detectable difference takes the mean as normal.

    Source: Efron 1987, JASA 82:171 (BCa).
    """
    a, b = _aligned(a_scores, b_scores)
    if not ((a >= 0) & (a <= 1) & (b >= 0) & (b <= 1)).all():
        raise ValueError("scores: got a value outside [0, 1], want shares")
    differences = a - b
    low, high, p_value = _resampled(differences, seed, draws)
    return PairedTest(
        difference=float(differences.mean()),
        low=low,
        high=high,
        p_value=p_value,
        n=len(a),
        only_a=int((a > b).sum()),
        only_b=int((a < b).sum()),
        minimum_detectable=_detectable_mean(differences),
    )


def minimum_detectable_difference(
    n: int, discordant_share: float, power: float = POWER, alpha: float = ALPHA
) -> float | None:
    """Return the smallest difference in accuracy that McNemar's mid-p test finds often enough.

    Args:
        n: Items, >= 0.
        discordant_share: Share of the items that only one of the two gets right, in [0, 1].
        power: How often the difference is to be found, in (0, 1).
        alpha: Two-sided level of the test, in (0, 1).

    Returns:
        The difference, in (0, `discordant_share`]; `None` where even one student being right on
        all the discordant items would be found too rarely.
    """
    from scipy.stats import binom

    spread = 8 * math.sqrt(n * discordant_share * (1 - discordant_share)) + 1
    middle = n * discordant_share
    discordant = np.arange(
        max(0, math.floor(middle - spread)), min(n, math.ceil(middle + spread)) + 1
    )
    weight = binom.pmf(discordant, n, discordant_share)
    needed = _wins_needed(discordant, alpha)

    def found(difference: float) -> float:
        a_wins = (1 + difference / discordant_share) / 2
        return float((weight * binom.sf(needed - 1, discordant, a_wins)).sum())

    if discordant_share == 0 or found(discordant_share) < power:
        return None
    low, high = 0.0, discordant_share
    for _ in range(BISECTIONS):
        difference = (low + high) / 2
        low, high = (low, difference) if found(difference) >= power else (difference, high)
    return high


def _detectable_one_way(n: int) -> float | None:
    """Return the smallest difference that is found where one student alone wins all that differ."""
    from scipy.stats import binom

    needed = next(k for k in range(1, 100) if _mid_p(k, 0) < ALPHA)
    if n < needed:
        return None
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        share = (low + high) / 2
        low, high = (low, share) if binom.sf(needed - 1, n, share) >= POWER else (share, high)
    return high


def verdict(test: PairedTest) -> Verdict:
    """Say whether student a helps against student b.

    Returns:
        `helps` only if p < 0.05 and the whole interval lies above 0; `hurts` only if p < 0.05 and
        it lies below 0; else `inconclusive`.
    """
    if test.p_value < ALPHA and test.low > 0:
        return "helps"
    if test.p_value < ALPHA and test.high < 0:
        return "hurts"
    return "inconclusive"


def verdict_rule() -> str:
    """Return the rule of `verdict` as a sentence."""
    return (
        f"The rule: helps where p < {ALPHA:g} and the whole {CONFIDENCE:.0%} interval lies above "
        f"0, hurts where p < {ALPHA:g} and all of it lies below 0, else inconclusive."
    )


def explain_verdict(test: PairedTest, arm: str, baseline: str) -> str:
    """Return the verdict as one sentence with its figures.

    Args:
        test: `arm` compared as a with `baseline` as b.
        arm: What was tried.
        baseline: What it is measured against.
    """
    found = verdict(test)
    p = "p < 0.001" if test.p_value < 0.001 else f"p = {test.p_value:.3g}"
    points, low, high = (100 * share for share in (test.difference, test.low, test.high))
    figures = (
        f"{points:+.1f} pp against {baseline} "
        f"({CONFIDENCE:.0%} interval {low:+.1f} to {high:+.1f} pp, {p}, n = {test.n})"
    )
    if found != "inconclusive":
        return f"{arm} {found}: {figures}."
    return f"{arm} is inconclusive: {figures}; {_sensitivity(test)}."


def _sensitivity(test: PairedTest) -> str:
    if test.only_a + test.only_b == 0:
        return "the two scored the same on every item, so no difference can be shown"
    if test.minimum_detectable is None:
        return f"no difference, however large, would be found {POWER:.0%} of the time at this size"
    return (
        f"a true difference under {100 * test.minimum_detectable:.1f} pp would be found less than "
        f"{POWER:.0%} of the time at this size"
    )


def _aligned(a: npt.ArrayLike, b: npt.ArrayLike) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.ndim != 1 or first.shape != second.shape or not first.size:
        raise ValueError(f"scores: got {first.shape} and {second.shape}, want the same (items,)")
    return first, second


def _mid_p(only_a: int, only_b: int) -> float:
    """Return the two-sided mid-p value: half of the observed outcome's probability is left out."""
    from scipy.stats import binom

    fewer, both = min(only_a, only_b), only_a + only_b
    return min(1.0, float(2 * binom.cdf(fewer, both, 0.5) - binom.pmf(fewer, both, 0.5)))


def _wins_needed(discordant: npt.NDArray[np.int64], alpha: float) -> npt.NDArray[np.int64]:
    """Return, a count of discordant items, the wins from which on the mid-p test rejects.

    Where not even winning all of them suffices, it is one more than there are.
    """
    from scipy.stats import binom

    low, high = discordant // 2, discordant + 1
    while (high - low > 1).any():
        wins = (low + high) // 2
        p = binom.sf(wins - 1, discordant, 0.5) + binom.sf(wins, discordant, 0.5)
        rejects = (p < alpha) & (wins > low)
        low, high = np.where(rejects, low, wins), np.where(rejects, wins, high)
    return high


def _tango_low(only_a: int, only_b: int, n: int) -> float:
    """Return the least difference that the score test does not reject."""
    from scipy.special import ndtri

    critical = float(ndtri((1 + CONFIDENCE) / 2))
    low, high = -1.0, (only_a - only_b) / n
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        rejected = _tango_score(middle, only_a, only_b, n) > critical
        low, high = (middle, high) if rejected else (low, middle)
    return low


def _tango_score(difference: float, only_a: int, only_b: int, n: int) -> float:
    """Return how many standard errors the data lie above a hypothetical true difference."""
    excess = only_a - only_b - n * difference
    linear = (2 * n - only_a + only_b) * difference - only_a - only_b
    constant = -only_b * difference * (1 - difference)
    # Share of items that only b gets right, at its most likely under the hypothesis.
    share_b = (math.sqrt(max(0.0, linear**2 - 8 * n * constant)) - linear) / (4 * n)
    variance = n * (2 * share_b + difference * (1 - difference))
    if variance <= 0:
        return math.copysign(math.inf, excess) if excess else 0.0
    return excess / math.sqrt(variance)


def _resampled(
    differences: npt.NDArray[np.float64], seed: int, draws: int
) -> tuple[float, float, float]:
    """Return the BCa limits of the mean and its sign-flip p-value."""
    from scipy.stats import bootstrap, permutation_test

    if len(differences) == 1:
        return -1.0, 1.0, 1.0
    rng = np.random.default_rng(seed)
    sizes = {"n_resamples": draws, "batch": max(1, RESAMPLED_AT_ONCE // len(differences))}
    flipped = permutation_test(
        (differences,), np.mean, permutation_type="samples", vectorized=True, rng=rng, **sizes
    )
    if np.ptp(differences) == 0:
        return float(differences[0]), float(differences[0]), float(flipped.pvalue)
    limits = bootstrap(
        (differences,), np.mean, confidence_level=CONFIDENCE, method="BCa", rng=rng, **sizes
    ).confidence_interval
    return float(limits.low), float(limits.high), float(flipped.pvalue)


def _detectable_mean(differences: npt.NDArray[np.float64]) -> float | None:
    from scipy.special import ndtri

    n = len(differences)
    if n == 1 or np.ptp(differences) == 0:
        return None
    standard_error = float(differences.std(ddof=1)) / math.sqrt(n)
    smallest = float(ndtri(1 - ALPHA / 2) + ndtri(POWER)) * standard_error
    return smallest if smallest <= 1 else None

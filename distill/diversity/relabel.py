"""Is one of two samples more varied? A permutation test, and an interval of the ratio.

The test relabels the texts in the ways that `sample.py` describes; the interval of the ratio comes
from parts drawn without replacement, because texts that are drawn twice would themselves lower the
figures. P-values are adjusted for the number of figures (Holm).

On 80 to 400 random texts a side, of four kinds and equal variety, the nominal 95 % interval held
no difference in 92 to 99 % of 150 cases for distinct-2, and in 90 to 96 % for the mean vocabulary.

Source: Politis and Romano 1994, Ann Stat 22:2031 (subsampling); Phipson and Smyth 2010, Stat Appl
Genet Mol Biol 9:39 (the count); Holm 1979, Scand J Stat 6:65.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from distill.diversity.ngram_parts import Floats
from distill.diversity.parts import Measure
from distill.diversity.sample import Sample
from distill.statistics import CONFIDENCE

PERMUTATIONS = 999
SUBSAMPLES = 499
SEED = 0
# Of the smaller sample's words: room for relabellings that give a side fewer.
WORDS_SHARE = 0.85
# Of the questions, those that a part keeps for the interval: near enough to all of them for the
# share of new n-grams, which hangs on size, to spread as it does in the whole.
KEPT_SHARE = 0.8
# Of the parts, those that must have a ratio for its interval to mean anything.
LEAST_RATIOS_SHARE = 0.9
EQUAL = 1e-12  # relabellings that differ by less tie with what was observed

# What a figure is compared by: `(parts,)` to `(parts,)`.
Scale = Callable[[Floats], Floats]
Interval = tuple[float, float]


class Relabelled:
    """Figures of the two sides of a sample as they are, under other labels, and of parts of them.

    Args:
        sample: Texts and what a relabelling may do.
        lengths: Words of each text.
    """

    def __init__(self, sample: Sample, lengths: NDArray[np.int64]) -> None:
        self._sample = sample
        smaller = min(int(lengths[side].sum()) for side in sample.sides())
        self.words = max(1, int(WORDS_SHARE * smaller))

    @property
    def can_move(self) -> bool:
        """Whether any relabelling differs from what was observed."""
        return bool(self._sample.swapped or self._sample.dealt)

    def observed(self, measure: Measure) -> tuple[float, float]:
        """Return the figure of A and of B, NaN where there is too little text."""
        a, b = self._sample.sides()
        found = measure(np.stack([a, b]), self.words)
        return float(found[0]), float(found[1])

    def p_values(
        self, measures: Sequence[Measure], permutations: int, seed: int, *, less: bool = False
    ) -> list[float | None]:
        """Return how often relabelled sides differ as much as observed, a measure.

        Args:
            measures: All are taken under the same relabellings.
            permutations: Relabellings, >= 1; the smallest p-value is 1 / (permutations + 1).
            seed: Of the relabellings.
            less: Whether only a lower figure of B counts; else both directions do.

        Returns:
            In (0, 1], or `None` where a side has no figure or nothing can move.
        """
        if not self.can_move:
            return [None] * len(measures)
        a, b = self._sample.relabelled(np.random.default_rng(seed), permutations)
        tested: list[float | None] = []
        for measure in measures:
            ours, theirs = self.observed(measure)
            seen = theirs - ours
            drawn = measure(b, self.words) - measure(a, self.words)
            nearer = drawn > seen + EQUAL if less else np.abs(drawn) < abs(seen) - EQUAL
            # A relabelling that leaves a side without a figure counts as far.
            as_far = ~nearer
            p = (1 + int(as_far.sum())) / (1 + permutations)
            tested.append(None if math.isnan(seen) else p)
        return tested

    def limits(
        self, measures: Sequence[Measure], subsamples: int, seed: int
    ) -> list[Interval | None]:
        """Return the 95 % interval of the ratio of B's figure to A's, a measure.

        Args:
            measures: All are taken of the same parts.
            subsamples: Parts, >= 1.
            seed: Of the parts.

        Returns:
            `None` where too few parts have a ratio.
        """
        rng = np.random.default_rng(seed)
        units = len(self._sample.role)
        kept = np.zeros((subsamples, units), dtype=np.bool_)
        kept[:, : round(KEPT_SHARE * units)] = True
        kept = rng.permuted(kept, axis=1)[:, self._sample.unit]
        words = max(1, int(KEPT_SHARE * self.words))
        a, b = self._sample.sides()
        return [
            _spread(
                log_ratio(*self.observed(measure)),
                _log_ratios(measure(a & kept, words), measure(b & kept, words)),
            )
            for measure in measures
        ]


def log_ratio(a: float, b: float) -> float:
    """Return log(b / a), NaN where one of them is absent or not above 0."""
    return float(_log_ratios(np.array([a]), np.array([b]))[0])


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return p-values adjusted by Holm's step-down method; an absent one does not count.

    Args:
        p_values: Each in [0, 1], or `None`.
    """
    tested = sorted((p, i) for i, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, i) in enumerate(tested):
        largest = max(largest, min(1.0, p * (len(tested) - rank)))
        adjusted[i] = largest
    return adjusted


def _log_ratios(a: Floats, b: Floats) -> Floats:
    found = np.full(len(a), np.nan)
    both = (a > 0) & (b > 0)
    np.divide(b, a, out=found, where=both)
    np.log(found, out=found, where=both)
    return found


def _spread(observed: float, drawn: Floats) -> Interval | None:
    """Return the interval of a ratio, from the same ratio of parts; both as logarithms.

    Parts of a share f, drawn without replacement, spread by (1 - f) / f of the variance of the
    whole.
    """
    there = drawn[~np.isnan(drawn)]
    if math.isnan(observed) or len(there) < LEAST_RATIOS_SHARE * len(drawn):
        return None
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(there - there.mean(), [tail, 1 - tail])
    wider = math.sqrt(KEPT_SHARE / (1 - KEPT_SHARE))
    return math.exp(observed - wider * float(high)), math.exp(observed - wider * float(low))

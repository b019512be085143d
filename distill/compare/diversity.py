"""Is one dataset more varied than the other? Measured at equal rows and words, and tested.

The figures that a run reports hang on its number of rows, so two runs are measured anew on samples
of equal size; `distill.diversity.relabel` has the test and the interval.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from distill.compare.side import Side
from distill.diversity import (
    DistinctN,
    DiversityMetric,
    LengthStdDev,
    MeanVocabSize,
    TopBigramFrequency,
)
from distill.diversity.parts import Parts
from distill.diversity.relabel import (
    PERMUTATIONS,
    SEED,
    SUBSAMPLES,
    Interval,
    Relabelled,
    holm,
    log_ratio,
)
from distill.diversity.sample import draw

LEAST_ROWS = 2
DISTINCT = re.compile(r"distinct_([1-9])")
# Without these a comparison says little, whatever the runs themselves measured.
ALWAYS: tuple[DiversityMetric, ...] = (
    MeanVocabSize(),
    LengthStdDev(),
    TopBigramFrequency(),
    DistinctN(n=2, tokens=1),
)


@dataclass(frozen=True, kw_only=True)
class DiversityFigure:
    """One figure of both datasets.

    Args:
        name: Its name, as in `manifest.json`.
        own_a: What A reported of its whole dataset, or `None`.
        own_b: What B reported.
        a: A's figure at equal size, `None` where it could not be measured.
        b: B's.
        ratio: `b / a`, or `None` where one of them is 0 or absent.
        low: Lower limit of the ratio's 95 % interval, or `None`.
        high: Its upper limit.
        p_value: Two-sided, of the permutation test; `None` where nothing could be relabelled.
        p_holm: The same, adjusted for all figures of this comparison.
    """

    name: str
    own_a: float | None
    own_b: float | None
    a: float | None = None
    b: float | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    p_holm: float | None = None


@dataclass(frozen=True, kw_only=True)
class DiversityCompared:
    """Both datasets' diversity.

    Args:
        why_not: Why nothing was tested, or `None`.
        column: What is measured: `answer` or `question`.
        rows: Rows of the samples, (A, B).
        words: Words of each side that n-grams were counted in.
        mean_words: Words of a text on average in the samples, (A, B).
        swapped: Questions whose answers were swapped between the sides.
        dealt: Questions that were dealt anew to the sides.
        permutations: Relabellings.
        figures: One a figure.
    """

    why_not: str | None
    column: str
    rows: tuple[int, int]
    words: int
    mean_words: tuple[float, float]
    swapped: int
    dealt: int
    permutations: int
    figures: tuple[DiversityFigure, ...]


def compare_diversity(
    a: Side,
    b: Side,
    *,
    permutations: int = PERMUTATIONS,
    subsamples: int = SUBSAMPLES,
    seed: int = SEED,
) -> DiversityCompared:
    """Measure and test the diversity of two datasets.

    Args:
        a: One run.
        b: The other.
        permutations: Relabellings, >= 1; the smallest p-value is 1 / (permutations + 1).
        subsamples: Parts that the intervals come from, >= 1.
        seed: The same seed gives the same result.
    """
    always = [metric.name for metric in ALWAYS]
    names = tuple(dict.fromkeys([*always, *a.figures.diversity, *b.figures.diversity]))
    if a.task != b.task:
        return _untested(a, b, names, "the runs have different tasks")
    sample = draw(a.dataset, b.dataset, a.varied, seed=seed)
    if min(sample.rows) < LEAST_ROWS:
        return _untested(a, b, names, "a dataset has too few rows")
    parts = Parts(sample.texts)
    metrics = [metric for metric in map(_metric, names) if metric is not None]
    measures = [parts.measure(metric) for metric in metrics]
    sides = Relabelled(sample, parts.lengths)
    p_values = sides.p_values(measures, permutations, seed)
    limits = sides.limits(measures, subsamples, seed)
    adjusted = holm(p_values)
    found = {
        metric.name: _figure(
            a, b, metric.name, sides.observed(measures[i]), limits[i], p_values[i], adjusted[i]
        )
        for i, metric in enumerate(metrics)
    }
    mean_words = [float(parts.lengths[side].mean()) for side in sample.sides()]
    return DiversityCompared(
        why_not=None if sides.can_move else "the samples hold the same texts",
        column=a.varied,
        rows=sample.rows,
        words=sides.words,
        mean_words=(mean_words[0], mean_words[1]),
        swapped=sample.swapped,
        dealt=sample.dealt,
        permutations=permutations if sides.can_move else 0,
        figures=tuple(found.get(name) or _reported(a, b, name) for name in names),
    )


def _metric(name: str) -> DiversityMetric | None:
    """Return what measures the figure of a name, `None` where only the runs can."""
    known = next((metric for metric in ALWAYS if metric.name == name), None)
    distinct = DISTINCT.fullmatch(name)
    return DistinctN(n=int(distinct[1]), tokens=1) if distinct else known


def _figure(
    a: Side,
    b: Side,
    name: str,
    observed: tuple[float, float],
    limits: Interval | None,
    p_value: float | None,
    p_holm: float | None,
) -> DiversityFigure:
    ours, theirs = (None if math.isnan(one) else one for one in observed)
    ratio = log_ratio(*observed)
    return DiversityFigure(
        name=name,
        own_a=a.figures.diversity.get(name),
        own_b=b.figures.diversity.get(name),
        a=ours,
        b=theirs,
        ratio=None if math.isnan(ratio) else math.exp(ratio),
        low=None if limits is None else limits[0],
        high=None if limits is None else limits[1],
        p_value=p_value,
        p_holm=p_holm,
    )


def _reported(a: Side, b: Side, name: str) -> DiversityFigure:
    """Return a figure that only the runs themselves can measure."""
    own = a.figures.diversity, b.figures.diversity
    return DiversityFigure(name=name, own_a=own[0].get(name), own_b=own[1].get(name))


def _untested(a: Side, b: Side, names: Sequence[str], why_not: str) -> DiversityCompared:
    return DiversityCompared(
        why_not=why_not,
        column=a.varied,
        rows=(0, 0),
        words=0,
        mean_words=(0.0, 0.0),
        swapped=0,
        dealt=0,
        permutations=0,
        figures=tuple(_reported(a, b, name) for name in names),
    )

"""A dataset's variety beside that of other texts: real references, or an earlier run's dataset.

A figure alone says little, as each hangs on the number of texts and words and on what the texts
are about. So both sides are measured anew at equal rows and equal words, and what counts is the
ratio of their variety: 1 is as varied as the other side, less is less varied, also for figures
that rise with repetition (these are turned over, self-repetition after 1 is added, or taken from 1
where they are means over pairs).

Figures of content are tested, one-sided: could the dataset be as varied as the other side? Those
that follow the texts' length or punctuation, and those that take too long to be relabelled a
thousand times, have an interval and no test.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from distill.diversity import (
    CompressionRatio,
    DistinctN,
    DiversityMetric,
    MeanPairwiseCosine,
    OpenerConcentration,
    ReferencedMetric,
    SelfRepetition,
    TopBigramFrequency,
)
from distill.diversity.ngram_parts import Floats
from distill.diversity.parts import Measure, Parts, is_fast
from distill.diversity.relabel import PERMUTATIONS, SEED, Interval, Relabelled, holm, log_ratio
from distill.diversity.sample import draw
from distill.errors import ExtraMissingError

Against = Literal["references", "baseline"]
LEAST_ROWS = 20
# Texts of one side may be so many times as long: beyond, no figure compares them at equal words.
MOST_TIMES_LONGER = 4
# What keeps the comparison at a tenth of a second where a run measures its default figures.
MAX_ROWS = 300
MAX_WORDS = 15_000
SUBSAMPLES = 199
SLOW_SUBSAMPLES = 49
# Variety where all pairs are alike: its ratio is then far below 1, and there is one.
LEAST_VARIETY = 0.001
INVERSE = (CompressionRatio, TopBigramFrequency)
FROM_ONE = (MeanPairwiseCosine, OpenerConcentration)
OF_CONTENT = (DistinctN, MeanPairwiseCosine, OpenerConcentration, SelfRepetition)


@dataclass(frozen=True, kw_only=True)
class ContrastFigure:
    """One figure of both sides.

    Args:
        name: The metric's.
        value: Of the dataset, at equal size.
        other: Of what it is compared with.
        ratio: Of their variety, > 0; 1 is equally varied.
        low: Lower limit of its 95 % interval, or `None`.
        high: Upper limit, or `None`.
        p_value: One-sided, that the dataset is no less varied; `None` where it is not tested.
        p_holm: The same, adjusted for all figures that are tested beside it.
    """

    name: str
    value: float
    other: float
    ratio: float
    low: float | None
    high: float | None
    p_value: float | None
    p_holm: float | None


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """A dataset beside other texts.

    Args:
        against: Which others.
        source: What they are, in words.
        column: What is compared: `answer` or `question`.
        why_not: Why nothing was compared, or `None`.
        rows: Rows of the samples, (dataset, others).
        words: Words of each side that figures of n-grams look at.
        paired: Questions whose texts were swapped between the sides.
        dealt: Questions that were dealt anew to the sides.
        permutations: Relabellings.
        figures: One a metric that both sides have.
    """

    against: Against
    source: str
    column: str
    why_not: str | None = None
    rows: tuple[int, int] = (0, 0)
    words: int = 0
    paired: int = 0
    dealt: int = 0
    permutations: int = 0
    figures: tuple[ContrastFigure, ...] = ()


def contrast(
    own: pl.DataFrame,
    others: pl.DataFrame,
    metrics: Sequence[DiversityMetric],
    *,
    column: str,
    against: Against,
    source: str,
    permutations: int = PERMUTATIONS,
    subsamples: int = SUBSAMPLES,
    seed: int = SEED,
) -> Contrast:
    """Compare the variety of two sides.

    Args:
        own: Rows of the dataset with `question` and `text`.
        others: The same of the other side.
        metrics: What is measured; those that need references are passed over.
        column: What the texts are, in one word.
        against: What the other side is.
        source: The same in words.
        permutations: Relabellings, >= 1; the smallest p-value is 1 / (permutations + 1).
        subsamples: Parts that the intervals come from, >= 1.
        seed: The same seed gives the same result.
    """

    def nothing(why_not: str) -> Contrast:
        return Contrast(against=against, source=source, column=column, why_not=why_not)

    sample = draw(others, own, "text", seed=seed, max_rows=MAX_ROWS, max_words=MAX_WORDS)
    rows = (sample.rows[1], sample.rows[0])
    if min(rows) < LEAST_ROWS:
        return nothing(f"{LEAST_ROWS} rows a side are needed, there are {min(rows)}")
    parts = Parts(sample.texts)
    sides = Relabelled(sample, parts.lengths)
    if not sides.can_move:
        return nothing("both sides are the same")
    mean_words = [float(parts.lengths[side].mean()) for side in sample.sides()[::-1]]
    if max(mean_words) > MOST_TIMES_LONGER * min(mean_words):
        of = f"of {mean_words[0]:.3g} and {mean_words[1]:.3g} words on average"
        return nothing(f"texts {of} cannot be compared at equal words")
    measures = _measures(metrics, parts)
    tested: list[DiversityMetric] = [
        m for m in measures if isinstance(m, OF_CONTENT) and is_fast(m)
    ]
    varieties = {m: _variety(m, measure) for m, measure in measures.items()}
    p_values = sides.p_values([varieties[m] for m in tested], permutations, seed, less=True)
    adjusted = dict(zip(tested, zip(p_values, holm(p_values), strict=True), strict=True))
    limits: dict[DiversityMetric, Interval | None] = {}
    for fast, times in ((True, subsamples), (False, min(subsamples, SLOW_SUBSAMPLES))):
        some = [metric for metric in measures if is_fast(metric) is fast]
        found = sides.limits([varieties[metric] for metric in some], times, seed)
        limits |= dict(zip(some, found, strict=True))
    figures = []
    for metric, measure in measures.items():
        ratio = math.exp(log_ratio(*sides.observed(varieties[metric])))
        p_value, p_holm = adjusted.get(metric, (None, None))
        if not math.isnan(ratio):
            others_figure, own_figure = sides.observed(measure)
            figures.append(
                _figure(
                    metric.name,
                    own_figure,
                    others_figure,
                    ratio,
                    limits[metric],
                    p_value,
                    p_holm,
                )
            )
    return Contrast(
        against=against,
        source=source,
        column=column,
        rows=rows,
        words=sides.words,
        paired=sample.swapped,
        dealt=sample.dealt,
        permutations=permutations,
        figures=tuple(figures),
    )


def _measures(metrics: Sequence[DiversityMetric], parts: Parts) -> dict[DiversityMetric, Measure]:
    """Return what measures parts, a metric; those whose package is missing are left out."""
    found = {}
    for metric in metrics:
        if isinstance(metric, ReferencedMetric):
            continue
        try:
            found[metric] = parts.measure(metric)
        except ExtraMissingError:
            continue
    return found


def _variety(metric: DiversityMetric, measure: Measure) -> Measure:
    """Return the measure on a scale that rises with variety."""
    scale: Callable[[Floats], Floats] | None = None
    if isinstance(metric, INVERSE):
        scale = _inverse
    elif isinstance(metric, SelfRepetition):
        # Of texts that share no phrase it is 0, and has no inverse.
        scale = _inverse_of_one_more
    elif isinstance(metric, FROM_ONE):
        scale = _from_one
    if scale is None:
        return measure
    turned = scale
    return lambda parts, words: turned(measure(parts, words))


def _inverse(values: Floats) -> Floats:
    found = np.full(len(values), np.nan)
    np.divide(1.0, values, out=found, where=values > 0)
    return found


def _inverse_of_one_more(values: Floats) -> Floats:
    return _inverse(1.0 + values)


def _from_one(values: Floats) -> Floats:
    found: Floats = np.maximum(1.0 - values, LEAST_VARIETY)
    return found


def _figure(
    name: str,
    value: float,
    other: float,
    ratio: float,
    limits: Interval | None,
    p_value: float | None,
    p_holm: float | None,
) -> ContrastFigure:
    return ContrastFigure(
        name=name,
        value=value,
        other=other,
        ratio=ratio,
        low=None if limits is None else limits[0],
        high=None if limits is None else limits[1],
        p_value=p_value,
        p_holm=p_holm,
    )

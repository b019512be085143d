"""A dataset's variety beside other texts, at equal rows and words."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from distill.diversity import (
    CompressionRatio,
    Coverage,
    DistinctN,
    DiversityMetric,
    LengthStdDev,
    MeanVocabSize,
    OpenerConcentration,
    SelfRepetition,
    TopBigramFrequency,
    Vendi,
)
from distill.diversity.contrast import MAX_ROWS, Contrast, ContrastFigure, contrast
from distill.errors import ExtraMissingError

SEEDS = (MeanVocabSize(), LengthStdDev(), TopBigramFrequency())
DEFAULT = (*SEEDS, DistinctN(n=2, tokens=10_000))


def texts(rows: int, seed: int, *, of: int = 300, words: int = 30, start: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(words // 2, 2 * words, rows)
    said = [" ".join(f"w{i}" for i in rng.integers(0, of, n)) for n in lengths]
    return pl.DataFrame({"question": [f"q{start + i}" for i in range(rows)], "text": said})


def compared(
    own: pl.DataFrame,
    others: pl.DataFrame,
    metrics: tuple[DiversityMetric, ...] = DEFAULT,
    **changes: Any,
) -> Contrast:
    given = {"column": "answer", "against": "references", "source": "others"} | changes
    return contrast(own, others, metrics, **given)


def by_name(found: Contrast) -> dict[str, ContrastFigure]:
    return {figure.name: figure for figure in found.figures}


@pytest.mark.parametrize("start", [0, 1000], ids=["paired", "unpaired"])
def test_a_narrower_dataset_is_found_out(start: int) -> None:
    found = compared(texts(150, 0, of=120), texts(150, 1, start=start))
    figure = by_name(found)["distinct_2"]
    assert (found.paired, found.dealt) == ((150, 0) if start == 0 else (0, 300))
    assert found.rows == (150, 150)
    assert figure.p_holm == 0.001
    assert figure.high is not None
    assert figure.high < 0.95
    assert figure.value < figure.other


def test_what_takes_long_has_an_interval_and_no_test() -> None:
    own, others = texts(60, 0, of=9), texts(60, 1)
    (figure,) = compared(own, others, (CompressionRatio(tokens=99),)).figures
    assert figure.value > figure.other
    assert figure.high is not None
    assert figure.high < 1
    assert figure.p_value is None


def test_a_more_varied_dataset_is_not() -> None:
    figure = by_name(compared(texts(150, 0), texts(150, 1, of=120)))["distinct_2"]
    assert figure.p_value == 1
    assert figure.low is not None
    assert figure.low > 1


def test_only_figures_of_content_are_tested() -> None:
    metrics = (*DEFAULT, SelfRepetition(n=2, tokens=99), OpenerConcentration(words=1))
    found = by_name(compared(texts(60, 0), texts(60, 1), metrics))
    tested = {name for name, figure in found.items() if figure.p_value is not None}
    assert tested == {"distinct_2", "self_repetition", "opener_concentration"}
    assert all(found[metric.name].low is not None for metric in SEEDS)


def test_more_repetition_is_a_ratio_below_1() -> None:
    same = "w1 w2 w3 w4 w5 w6"
    plain, others = texts(100, 0), texts(100, 1)
    own = plain.with_columns(text=pl.lit(same) + " " + pl.col("text"))
    metrics = (
        SelfRepetition(n=3, tokens=99),
        OpenerConcentration(words=2),
        TopBigramFrequency(),
    )
    found = by_name(compared(own, others, metrics, subsamples=49))
    assert len(found) == len(metrics)
    assert found["opener_concentration"].high < 0.1
    for name in found:
        assert found[name].value > found[name].other
        assert found[name].ratio < 1


def test_equal_variety_is_seldom_called_narrower() -> None:
    fired = 0
    for seed in range(60):
        found = compared(texts(60, 2 * seed), texts(60, 2 * seed + 1), seed=seed, permutations=199)
        p_value = by_name(found)["distinct_2"].p_value
        fired += p_value is not None and p_value < 0.05
    # At 5 % the chance of nine or more among sixty is below 1 %.
    assert fired < 9


def test_the_comparison_is_at_equal_rows_however_many_there_are() -> None:
    found = compared(texts(2000, 0), texts(900, 1, start=5000))
    assert found.rows == (MAX_ROWS, MAX_ROWS)
    assert by_name(found)["distinct_2"].ratio == pytest.approx(1, abs=0.05)


def test_figures_that_need_references_are_passed_over() -> None:
    found = compared(texts(40, 0), texts(40, 1), (*DEFAULT, Coverage(neighbours=5, rows=9)))
    assert "coverage" not in by_name(found)


def test_a_figure_without_its_package_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_texts: object) -> None:
        raise ExtraMissingError("no package", hint="install it")

    monkeypatch.setattr("distill.embeddings.embed", missing)
    found = compared(texts(40, 0), texts(40, 1), (*DEFAULT, Vendi(rows=9)))
    assert set(by_name(found)) == {metric.name for metric in DEFAULT}


@pytest.mark.parametrize(
    ("own", "others", "why"),
    [
        (texts(9, 0), texts(50, 1), "20 rows a side are needed, there are 9"),
        (texts(0, 0), texts(50, 1), "20 rows a side are needed, there are 0"),
        (texts(50, 0), texts(50, 0), "both sides are the same"),
        (texts(50, 0), texts(50, 1, words=4), "cannot be compared at equal words"),
        (texts(50, 0), texts(50, 1).with_columns(text=pl.lit("")), "cannot be compared"),
        (texts(50, 0), texts(50, 1).with_columns(text=pl.lit(None, pl.String)), "cannot be"),
    ],
    ids=["few", "none", "same", "short", "empty", "null"],
)
def test_what_cannot_be_compared_says_why(
    own: pl.DataFrame, others: pl.DataFrame, why: str
) -> None:
    found = compared(own, others)
    assert found.why_not is not None
    assert why in found.why_not
    assert found.figures == ()


def test_the_same_seed_gives_the_same_and_the_order_does_not_matter() -> None:
    own, others = texts(60, 0), texts(60, 1)
    assert compared(own, others) == compared(own.reverse(), others.reverse())
    assert compared(own, others) != compared(own, others, seed=1)

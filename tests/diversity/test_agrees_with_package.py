"""Figures agree with the PyPI package `diversity` where it is right: recorded values of 0.3.1.

The package itself would bring torch along. Recorded with `self_repetition_score(texts, n)`,
`ngram_diversity_score(texts, num_n=4)` and `compression_ratio(texts)`, the latter two rounded by it
to three digits.
"""

from __future__ import annotations

import pytest

from distill.diversity import CompressionRatio, DistinctN, SelfRepetition
from distill.errors import UserError
from distill.records.bbc import articles

EVERYTHING = 10**9
ROUNDED = 0.0005


@pytest.fixture(scope="module")
def texts() -> list[str]:
    try:
        return [" ".join(one.text.split()) for one in articles()][:200]
    except UserError as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize(("n", "recorded"), [(2, 7.070845637858912), (4, 1.72244424203734)])
def test_self_repetition_is_the_same(n: int, recorded: float, texts: list[str]) -> None:
    found = SelfRepetition(n=n, tokens=EVERYTHING).measure(texts)
    assert found == pytest.approx(recorded, rel=1e-12)


def test_distinct_n_is_the_same_over_one_joined_text_and_lower_over_texts(
    texts: list[str],
) -> None:
    def together(of: list[str]) -> float:
        values = [DistinctN(n=n, tokens=EVERYTHING).measure(of) for n in range(1, 5)]
        return sum(value for value in values if value is not None)

    assert together([" ".join(texts)]) == pytest.approx(2.86, abs=ROUNDED)
    # N-grams that run from one text into the next look new.
    assert together(texts) < together([" ".join(texts)])


def test_the_compression_ratio_differs_by_the_second_gzip_alone(texts: list[str]) -> None:
    found = CompressionRatio(tokens=EVERYTHING).measure(texts)
    assert found == pytest.approx(2.529, rel=0.001)

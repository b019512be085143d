"""Figures of repeated words: compression, phrases that texts share, beginnings."""

import gzip
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from distill.diversity import CompressionRatio, OpenerConcentration, SelfRepetition

EVERYTHING = 10**9
TEXTS = st.lists(st.lists(st.sampled_from("abc"), max_size=8).map(" ".join), max_size=8)
METRICS = [
    CompressionRatio(tokens=20),
    SelfRepetition(n=2, tokens=20),
    OpenerConcentration(words=2),
]


def shared_places(texts, n):
    """Add up, a text, the other texts that have each of its n-grams, in the plainest way."""
    words = [text.split() for text in texts]
    grams = [{tuple(w[i : i + n]) for i in range(len(w) - n + 1)} for w in words]
    return [
        sum(gram in other for gram in own for j, other in enumerate(grams) if j != i)
        for i, own in enumerate(grams)
    ]


def test_the_compression_ratio_is_bytes_before_gzip_by_bytes_after():
    texts = ["the cat sat on the mat"] * 40
    raw = " ".join(texts).encode()
    found = CompressionRatio(tokens=EVERYTHING).measure(texts)
    assert found == len(raw) / len(gzip.compress(raw))
    assert found > 15


def test_compression_looks_at_a_fixed_number_of_words():
    rng = np.random.default_rng(0)
    rows = [" ".join(rng.integers(0, 9999, 20).astype(str)) for _ in range(400)]
    small, large = (CompressionRatio(tokens=500).measure(rows[:n]) for n in (40, 400))
    assert large == pytest.approx(small, rel=0.03)


def test_self_repetition_of_a_case_worked_by_hand():
    # "a b" and "b c" stand in one other text each, "c d" in none.
    texts = ["a b c", "a b", "b c d", "x"]
    assert SelfRepetition(n=2, tokens=EVERYTHING).measure(texts) == pytest.approx(
        (math.log(3) + math.log(2) + math.log(2) + math.log(1)) / 4
    )


@given(texts=TEXTS, n=st.integers(1, 4))
def test_self_repetition_equals_its_plain_definition(texts, n):
    found = SelfRepetition(n=n, tokens=EVERYTHING).measure(texts)
    if all(len(text.split()) < n for text in texts):
        assert found is None
    else:
        plain = [math.log(1 + places) for places in shared_places(texts, n)]
        assert found == pytest.approx(sum(plain) / len(plain))


def test_a_phrase_repeated_within_one_text_is_no_self_repetition():
    assert SelfRepetition(n=2, tokens=EVERYTHING).measure(["a b a b a b"]) == 0


def test_opener_concentration_is_the_share_of_pairs_that_begin_alike():
    texts = ["Sure thing one", "Sure thing two", "Sure enough", "Well then"]
    assert OpenerConcentration(words=2).measure(texts) == pytest.approx(2 / 12)
    assert OpenerConcentration(words=1).measure(texts) == pytest.approx(6 / 12)


def test_outputs_without_words_begin_like_no_other():
    assert OpenerConcentration(words=2).measure(["", " \n", ""]) == 0
    assert OpenerConcentration(words=3).measure(["a b", "a b", ""]) == pytest.approx(2 / 6)


def test_the_expected_opener_concentration_does_not_hang_on_the_number_of_outputs():
    rng = np.random.default_rng(1)

    def mean(rows):
        drawn = [rng.zipf(2, size=rows).astype(str).tolist() for _ in range(300)]
        return np.mean([OpenerConcentration(words=1).measure(texts) for texts in drawn])

    assert mean(10) == pytest.approx(mean(200), rel=0.07)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
@given(texts=TEXTS, random=st.randoms(use_true_random=False))
def test_the_order_of_the_outputs_does_not_matter(metric, texts, random):
    shuffled = list(texts)
    random.shuffle(shuffled)
    assert metric.measure(shuffled) == metric.measure(texts)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
@pytest.mark.parametrize("texts", [[], [""]])
def test_too_little_text_has_no_figure(metric, texts):
    assert metric.measure(texts) is None


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_odd_letters_are_text_like_any_other(metric):
    assert metric.measure(["雪 🙂 e\u0301 \udc80 \x00", "雪 🙂 e\u0301 \u202e"]) is not None


@pytest.mark.parametrize(
    "build",
    [
        lambda: CompressionRatio(tokens=0),
        lambda: SelfRepetition(n=0, tokens=1),
        lambda: OpenerConcentration(words=0),
    ],
)
def test_a_size_below_1_is_refused(build):
    with pytest.raises(ValidationError):
        build()

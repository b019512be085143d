"""Figures of many parts at once equal those of the metrics themselves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.diversity import (
    CompressionRatio,
    DistinctN,
    LengthStdDev,
    MeanPairwiseCosine,
    MeanVocabSize,
    OpenerConcentration,
    SelfRepetition,
    TopBigramFrequency,
    ngram_parts,
)
from distill.diversity.parts import Parts, is_fast
from distill.embeddings import require_embeddings
from distill.errors import ExtraMissingError

EVERYTHING = 10**6
OF_NGRAMS = [
    *(DistinctN(n=n, tokens=EVERYTHING) for n in (1, 2, 4)),
    TopBigramFrequency(),
    SelfRepetition(n=2, tokens=EVERYTHING),
    CompressionRatio(tokens=EVERYTHING),
]
METRICS = [*OF_NGRAMS, MeanVocabSize(), LengthStdDev(), OpenerConcentration(words=2)]
WORDS = st.lists(st.sampled_from("abc"), max_size=7)


def prose(rows, seed, of=40):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 60, rows)
    return [" ".join(rng.zipf(1.4, n).clip(max=of).astype(str)) for n in lengths]


def cut(texts, words):
    """Return the first words of texts in their order, the last text cut to fit."""
    taken = []
    for text in texts:
        own = text.split()[:words]
        words -= len(own)
        taken.append(" ".join(own))
        if not words:
            break
    return taken


def check(metric, texts, masks, words):
    found = Parts(texts).measure(metric)(masks, words)
    for figure, mask in zip(found, masks, strict=True):
        chosen = [text for text, is_in in zip(texts, mask, strict=True) if is_in]
        own = metric.measure(cut(chosen, words) if metric in OF_NGRAMS else chosen)
        if own is None or (isinstance(metric, LengthStdDev) and len(chosen) < 2):
            assert np.isnan(figure)
        elif isinstance(metric, TopBigramFrequency) and np.isnan(figure):
            assert own == 0
        else:
            assert figure == pytest.approx(own)


@pytest.mark.parametrize("metric", METRICS, ids=str)
@pytest.mark.parametrize("words", [7, 333, EVERYTHING])
def test_a_part_has_the_figure_of_its_texts(metric, words):
    texts = [*prose(60, 0), "", "one", "a b c"]
    masks = np.random.default_rng(1).random((70, len(texts))) < 0.5
    check(metric, texts, masks, words)


@pytest.mark.parametrize("metric", METRICS, ids=str)
@given(rows=st.lists(WORDS, min_size=1, max_size=6), words=st.integers(1, 20), bits=st.integers(0))
def test_so_it_is_for_any_texts_and_budget(metric, rows, words, bits):
    texts = [" ".join(row) for row in rows]
    mask = np.array([[bits >> i & 1 for i in range(len(texts))]], dtype=np.bool_)
    check(metric, texts, mask, words)


def test_a_thousand_parts_are_measured_in_pieces(monkeypatch):
    texts, metric = prose(30, 2), DistinctN(n=2, tokens=EVERYTHING)
    masks = np.random.default_rng(1).random((200, 30)) < 0.5
    whole = Parts(texts).measure(metric)(masks, 100)
    monkeypatch.setattr(ngram_parts, "AT_ONCE", 1)
    assert np.array_equal(whole, Parts(texts).measure(metric)(masks, 100))


def test_the_mean_cosine_of_a_part_is_that_of_its_texts():
    try:
        require_embeddings()
    except ExtraMissingError as missing:
        pytest.skip(str(missing))
    texts = [f"a {word} for the {word}" for word in ("cat", "court", "rocket", "goal", "bread")]
    texts = [*texts, "", " "]
    metric = MeanPairwiseCosine(vectors="static", rows=99)
    masks = np.random.default_rng(1).random((20, len(texts))) < 0.7
    found = Parts(texts).measure(metric)(masks, 1)
    for figure, mask in zip(found, masks, strict=True):
        own = metric.measure([text for text, is_in in zip(texts, mask, strict=True) if is_in])
        assert np.isnan(figure) if own is None else figure == pytest.approx(own, abs=1e-6)


def test_what_is_slow_is_known():
    assert is_fast(DistinctN(n=3, tokens=9))
    assert not is_fast(CompressionRatio(tokens=9))
    assert not is_fast(MeanPairwiseCosine(vectors="tfidf", rows=9))

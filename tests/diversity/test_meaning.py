"""Figures of what texts mean: cosines, Vendi score, topics and coverage."""

import numpy as np
import pytest

from distill.diversity import ClusterEntropy, Coverage, MeanPairwiseCosine, Texts, Vendi
from distill.diversity.vectors import mean_cosine, vectors, vendi_score
from distill.embeddings import require_embeddings
from distill.errors import ExtraMissingError

TOPICS = {
    "cook": ["oven", "flour", "butter", "bake", "sugar", "dough", "cake", "bread", "pan", "recipe"],
    "sport": [
        "goal",
        "match",
        "league",
        "striker",
        "coach",
        "stadium",
        "season",
        "team",
        "win",
        "score",
    ],
    "law": [
        "court",
        "judge",
        "lawyer",
        "verdict",
        "appeal",
        "trial",
        "jury",
        "crime",
        "statute",
        "plaintiff",
    ],
    "space": [
        "orbit",
        "rocket",
        "planet",
        "telescope",
        "star",
        "galaxy",
        "probe",
        "launch",
        "moon",
        "astronaut",
    ],
}


def texts_of(topics, rows, seed=0):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(TOPICS[topics[i % len(topics)]], 8)) for i in range(rows)]


@pytest.fixture(scope="module", autouse=True)
def _embeddings():
    try:
        require_embeddings()
    except ExtraMissingError as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("kind", ["static", "tfidf"])
def test_the_mean_cosine_is_exactly_that_of_all_pairs(kind):
    texts = texts_of(list(TOPICS), 30)
    all_vectors = vectors(texts, 100, kind)
    dense = all_vectors if kind == "static" else all_vectors.toarray()
    cosines = (dense @ dense.T)[np.triu_indices(30, 1)]
    metric = MeanPairwiseCosine(vectors=kind, rows=100)
    assert metric.measure(texts) == pytest.approx(cosines.mean(), abs=1e-6)


def test_equal_texts_are_wholly_alike_and_count_as_one():
    texts = ["the very same words"] * 7
    assert MeanPairwiseCosine(vectors="tfidf", rows=9).measure(texts) == pytest.approx(1)
    assert MeanPairwiseCosine(vectors="static", rows=9).measure(texts) == pytest.approx(1)
    assert Vendi(rows=9).measure(texts) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(("n", "dimensions"), [(6, 20), (20, 6), (9, 9)])
def test_the_vendi_score_is_that_of_the_matrix_of_cosines(n, dimensions):
    drawn = np.random.default_rng(n).normal(size=(n, dimensions))
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    values = np.linalg.eigvalsh(drawn @ drawn.T / n)
    values = values[values > 1e-12]
    assert vendi_score(drawn) == pytest.approx(np.exp(-(values * np.log(values)).sum()))


def test_orthogonal_vectors_count_each_for_one():
    assert vendi_score(np.eye(5)) == pytest.approx(5)
    assert mean_cosine(np.eye(5)) == pytest.approx(0)


def test_fewer_topics_are_less_varied():
    all_topics, one = texts_of(list(TOPICS), 200), texts_of(["law"], 200)
    assert Vendi(rows=200).measure(one) < 0.8 * Vendi(rows=200).measure(all_topics)
    cosine = MeanPairwiseCosine(vectors="static", rows=200)
    assert cosine.measure(one) > 1.5 * cosine.measure(all_topics)


def test_topics_are_those_of_the_references():
    real = texts_of(list(TOPICS), 80, seed=1)
    entropy = ClusterEntropy(clusters=4, rows=200)
    assert entropy.measure(texts_of(list(TOPICS), 100), real) > 0.95
    assert entropy.measure(texts_of(["law", "cook"], 100), real) == pytest.approx(0.5, abs=0.1)
    assert entropy.measure(texts_of(["law"], 100), real) == pytest.approx(0, abs=0.1)


def test_coverage_is_the_share_of_references_with_a_near_output():
    real = texts_of(list(TOPICS), 80, seed=1)
    coverage = Coverage(neighbours=5, rows=200)
    assert coverage.measure(texts_of(list(TOPICS), 80, seed=2), real) > 0.85
    assert coverage.measure(texts_of(["law"], 80), real) == pytest.approx(0.25, abs=0.05)
    assert coverage.measure(real, real) == 1


def test_noise_does_not_raise_coverage():
    real = texts_of(["law", "cook"], 80, seed=1)
    half = texts_of(["law"], 80, seed=2)
    rng = np.random.default_rng(0)
    noise = [" ".join(rng.choice([*"qxzvwk"], 8)) for _ in range(40)]
    coverage = Coverage(neighbours=5, rows=200)
    assert coverage.measure([*half[:40], *noise], real) <= coverage.measure(half, real)


def test_too_few_references_give_no_figure():
    texts = texts_of(list(TOPICS), 40)
    for metric in (ClusterEntropy(clusters=4, rows=99), Coverage(neighbours=5, rows=99)):
        assert metric.measure(texts) is None
        assert metric.measure(texts, texts[:5]) is None
        assert metric.measure([], texts) is None
    assert ClusterEntropy(clusters=4, rows=99).measure(texts, ["one text"] * 40) is None


@pytest.mark.parametrize("texts", [[], [""], ["", " \n"]])
def test_texts_without_words_have_no_meaning(texts):
    assert Vendi(rows=9).measure(texts) is None
    assert MeanPairwiseCosine(vectors="tfidf", rows=9).measure(texts) is None
    assert MeanPairwiseCosine(vectors="static", rows=9).measure(texts) is None


def test_the_order_of_the_outputs_does_not_matter():
    texts = texts_of(list(TOPICS), 60)
    for metric in (Vendi(rows=20), MeanPairwiseCosine(vectors="static", rows=20)):
        assert metric.measure(texts) == metric.measure(texts[::-1])


def test_texts_are_embedded_once_for_figures_of_equal_size(monkeypatch):
    from distill import embeddings

    asked = []
    own = embeddings.embed
    monkeypatch.setattr(embeddings, "embed", lambda texts: (asked.append(1), own(texts))[1])
    texts, real = Texts(texts_of(list(TOPICS), 60)), Texts(texts_of(list(TOPICS), 60, seed=1))
    ClusterEntropy(clusters=4, rows=60).measure(texts, real)
    Coverage(neighbours=5, rows=60).measure(texts, real)
    Vendi(rows=60).measure(texts)
    assert len(asked) == 2

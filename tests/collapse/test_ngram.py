"""The n-gram student: its probabilities are probabilities, its texts what it learnt."""

from __future__ import annotations

import numpy as np
import pytest

from distill.collapse.ngram import MAX_WORDS, TRUST, UNKNOWN, NgramModel, Vocabulary

TEXTS = ("the cat sat .", "the dog sat .", "the cat ran !", "a bird sang all day .")


def model(
    texts: tuple[str, ...] = TEXTS, *, order: int = 3, temperature: float = 1.0
) -> tuple[Vocabulary, NgramModel]:
    words = Vocabulary(TEXTS)
    read = [words.read(text) for text in texts]
    return words, NgramModel(read, size=len(words), order=order, temperature=temperature)


def test_a_text_is_read_and_written_again() -> None:
    words = Vocabulary(TEXTS)
    assert words.write(words.read("the  bird sat!")) == "the bird sat !"
    assert words.read("the gnu")[1] == UNKNOWN


def test_perplexity_is_that_of_the_mixture_by_hand() -> None:
    words = Vocabulary(["a b"])
    made = NgramModel([words.read("a b")], size=5, order=2, temperature=1.0)
    # Five words with the marks; three are learnt, each once: a, b and the end.
    single = TRUST / 3 + (1 - TRUST) / 5
    assert made.perplexity([words.read("a b")]) == pytest.approx(1 / (TRUST + 0.2 * single))
    assert made.perplexity([words.read("b a")]) == pytest.approx(1 / (0.2 * single))
    # After a word that was never seen, the model looks at single words only.
    unknown = 0.2 * (1 - TRUST) / 5
    assert made.perplexity([words.read("x")]) == pytest.approx((unknown * single) ** -0.5)


def test_a_model_knows_its_own_texts_best() -> None:
    words, made = model()
    own = made.perplexity([words.read(text) for text in TEXTS])
    strange = made.perplexity([words.read("day all sang bird a"), words.read("sat sat sat")])
    assert 1 < own < 5 < strange


def test_one_text_is_learnt_by_heart() -> None:
    words, made = model(("the cat sat .",))
    texts = {words.write(text) for text in made.write(50, np.random.default_rng(0))}
    assert "the cat sat ." in texts
    assert all(set(text.split()) <= {"the", "cat", "sat", "."} for text in texts)


def test_what_is_drawn_is_as_frequent_as_what_was_learnt() -> None:
    _, made = model(order=2)
    drawn = made.write(20_000, np.random.default_rng(0))
    first = np.bincount([int(text[0]) for text in drawn if len(text)], minlength=14)
    words = Vocabulary(TEXTS)
    # Three texts in four begin with `the`; one in five draws looks at single words instead.
    the, a = int(words.read("the")[0]), int(words.read("a")[0])
    stream = sum(len(words.read(text)) + 1 for text in TEXTS)
    expected = TRUST * 3 / 4 + (1 - TRUST) * 3 / stream
    assert first[the] / 20_000 == pytest.approx(expected, abs=0.01)
    assert first[a] / 20_000 == pytest.approx(TRUST / 4 + (1 - TRUST) / stream, abs=0.01)


def test_a_low_temperature_prefers_what_is_frequent() -> None:
    rng = np.random.default_rng(0)
    words, cold = model(order=2, temperature=0.3)
    the = int(words.read("the")[0])
    drawn = cold.write(5000, rng)
    share = sum(len(text) > 0 and int(text[0]) == the for text in drawn) / 5000
    assert 0.78 < share < 0.86


def test_a_text_without_an_end_is_cut() -> None:
    words = Vocabulary(["la"])
    loop = np.full(5000, words.read("la")[0])
    made = NgramModel([loop], size=len(words), order=2, temperature=1.0)
    longest = max(len(text) for text in made.write(200, np.random.default_rng(0)))
    assert longest == MAX_WORDS

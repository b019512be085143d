"""The permutation test: what it must and must not find."""

from __future__ import annotations

import numpy as np
import pytest

from distill.drift.answers import text_distances
from distill.drift.shift import (
    Floats,
    Measure,
    Shift,
    least_p_value,
    mean_moved,
    one_hot,
    shares_moved,
    shifts,
    texts_moved,
)

SAMPLES = 5
QUESTIONS = 12
LABELS = ("a", "b", "c")
WORDS = np.array([f"word{letter * 3}" for letter in "abcdefghijkl"])


def labels_tested(probs_then: Floats, probs_now: Floats, draw: int, **more: int) -> list[Shift]:
    rng = np.random.default_rng(draw)
    moved = []
    for _ in range(QUESTIONS):
        drawn = [*rng.choice(3, SAMPLES, p=probs_then), *rng.choice(3, SAMPLES, p=probs_now)]
        moved.append(shares_moved(one_hot([LABELS[i] for i in drawn], LABELS)))
    return shifts([Measure(name="answers", moved=moved)], [(SAMPLES, SAMPLES)] * QUESTIONS, **more)


def sentence(rng: np.random.Generator, words: int, known: int) -> str:
    return " ".join(WORDS[rng.integers(0, known, words)])


def texts_tested(known_now: int, words_now: int, seed: int) -> list[Shift]:
    """Test sentences of 6 words out of 8 against others, with their lengths, as a check does."""
    rng = np.random.default_rng(seed)
    texts = [
        [sentence(rng, 6, 8) for _ in range(SAMPLES)]
        + [sentence(rng, words_now, known_now) for _ in range(SAMPLES)]
        for _ in range(QUESTIONS)
    ]
    lengths = [np.log1p([len(text) for text in own]) for own in texts]
    measures = [
        Measure(name="answers", moved=[texts_moved(d) for d in text_distances(texts)]),
        Measure(name="length", moved=[mean_moved(own) for own in lengths], signed=True),
    ]
    return shifts(measures, [(SAMPLES, SAMPLES)] * QUESTIONS, permutations=199)


def test_an_unchanged_teacher_is_called_changed_in_about_one_of_twenty_checks() -> None:
    checks = 200
    found = sum(any(one.found for one in texts_tested(8, 6, seed)) for seed in range(checks))

    # 17 or more of 200 would have a chance below 1.5 % at a true rate of 5 %.
    assert found <= 16


def test_unchanged_label_votes_are_called_changed_in_about_one_of_twenty_checks() -> None:
    same = np.array([0.8, 0.15, 0.05])
    found = [labels_tested(same, same, seed, permutations=199) for seed in range(200)]

    assert sum(shift.found for one in found for shift in one) <= 16


def test_other_words_are_found_and_equal_lengths_are_not() -> None:
    tested = [texts_tested(12, 6, seed) for seed in range(20)]
    answers = [one.found for own in tested for one in own if one.name == "answers"]

    assert sum(answers) >= 18


def test_longer_answers_are_found_with_their_ratio() -> None:
    (length,) = [one for one in texts_tested(8, 9, 3) if one.name == "length"]

    assert length.found
    assert 1.3 < np.exp(length.effect) < 1.7


def test_moved_labels_are_found_with_the_share_that_moved() -> None:
    then, now = np.array([1.0, 0.0, 0.0]), np.array([0.5, 0.5, 0.0])
    (shift,) = labels_tested(then, now, 0)

    assert shift.found
    assert 0.2 < shift.effect < 0.5


def constant(then: str, now: str, *, samples: int, changed: int, questions: int) -> list[Shift]:
    """Test a teacher that always says the same, with so many questions changed for good."""
    texts = [[then] * samples + [now if q < changed else then] * samples for q in range(questions)]
    moved = [texts_moved(d) for d in text_distances(texts)]
    return shifts([Measure(name="answers", moved=moved)], [(samples, samples)] * questions)


@pytest.mark.parametrize(
    ("samples", "changed"),
    [pytest.param(5, 1, id="5"), pytest.param(4, 1, id="4"), pytest.param(3, 2, id="3")],
)
def test_one_steady_change_of_a_constant_teacher_is_drift(samples: int, changed: int) -> None:
    (shift,) = constant("It is 4.", "It is 5.", samples=samples, changed=changed, questions=20)

    assert shift.found


def test_a_constant_teacher_that_stays_so_has_nothing_to_test() -> None:
    assert constant("It is 4.", "", samples=5, changed=0, questions=20) == []


def test_the_p_value_counts_what_was_observed_among_the_deals() -> None:
    (shift,) = constant("It is 4.", "It is 5.", samples=5, changed=20, questions=20)

    assert shift.p_value == 1 / 10_000


def test_the_p_value_of_one_separated_question_is_that_of_all_its_deals() -> None:
    (shift,) = constant("It is 4.", "It is 5.", samples=5, changed=1, questions=1)

    assert shift.p_value == pytest.approx(2 / 252, abs=0.003)


def test_labels_are_dealt_within_questions_only() -> None:
    # Each question has one label of its own: across questions they differ, within none does.
    moved = [shares_moved(one_hot([name] * 4, LABELS)) for name in LABELS]

    assert shifts([Measure(name="answers", moved=moved)], [(2, 2)] * 3) == []


def test_changes_in_both_directions_are_no_shift_of_the_mean_length() -> None:
    up, down = np.array([1.0] * 5 + [2.0] * 5), np.array([2.0] * 5 + [1.0] * 5)
    measure = Measure(name="length", moved=[mean_moved(up), mean_moved(down)], signed=True)

    (shift,) = shifts([measure], [(5, 5)] * 2)

    assert shift.effect == pytest.approx(0)
    assert shift.p_value == 1


def test_the_same_seed_gives_the_same_result() -> None:
    then, now = np.array([0.6, 0.3, 0.1]), np.array([0.5, 0.3, 0.2])

    assert labels_tested(then, now, 1, seed=4) == labels_tested(then, now, 1, seed=4)


def test_scores_that_differ_by_rounding_are_the_same() -> None:
    then, now = [0.7, 0.3], [0.7001, 0.2999]
    moved = [shares_moved(np.array([then] * 5 + [now] * 5))] * 10

    assert shifts([Measure(name="answers", moved=moved)], [(5, 5)] * 10) == []


def test_unequal_numbers_of_replies_are_tested() -> None:
    moved = [shares_moved(one_hot(["a"] * 4 + ["b"] * 5, LABELS))] * 3

    (shift,) = shifts([Measure(name="answers", moved=moved)], [(4, 5)] * 3)

    assert shift.found


@pytest.mark.parametrize(
    ("sizes", "least"),
    [
        pytest.param([(2, 2)], 1 / 3, id="one question"),
        pytest.param([(2, 2)] * 3, 1 / 27, id="three"),
        pytest.param([(1, 4)], 1 / 5, id="unequal"),
        pytest.param([(5, 5)] * 20, 1e-4, id="the number of deals"),
    ],
)
def test_the_least_p_value_is_told(sizes: list[tuple[int, int]], least: float) -> None:
    assert least_p_value(sizes) == pytest.approx(least)


def test_equal_texts_are_no_distance_apart_and_strangers_are_far() -> None:
    (distance,) = text_distances([["", "", "the cat sat", "the cat sat", "über zwölf Boxkämpfer"]])

    assert distance[0, 1] == distance[2, 3] == 0
    assert distance[2, 4] > 0.9
    assert np.allclose(distance, distance.T)
    assert distance.min() >= 0
    assert distance.max() <= 1

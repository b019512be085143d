"""The article's three rules with its markers and numbers, by hand and by property."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import answered_table

from distill.config import compose
from distill.filters import KeywordOverlap, MinWords, NumberPresent, Uncertainty

MARKERS = (
    "i'm not sure",
    "i don't know",
    "i'm uncertain",
    "i cannot confirm",
    "as of my knowledge cutoff",
)
# Letters, digits, marks, punctuation, spaces and line ends: what stands in answers.
TEXTS = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")) | st.sampled_from("\n\t"))
CHECKED = settings(derandomize=True, max_examples=150, deadline=None)


def shipped(name: str) -> dict[str, Any]:
    node = dict(compose(["seeds.path=-"])["filter"][name])
    del node["_target_"]
    return node


UNCERTAINTY = Uncertainty(markers=MARKERS, policy="drop", quoted=True)
MIN_WORDS = MinWords(min_words=50)
OVERLAP = KeywordOverlap(min_share=0.2, min_letters=5)


def rejected(filter_: Any, answer: str, question: str = "What?") -> bool:
    return bool(filter_.rejects(answered_table([answer], question=[question])).item())


def test_the_shipped_numbers_are_the_articles() -> None:
    # Its markers come first; quotations are told apart since.
    uncertainty = shipped("uncertainty")
    assert tuple(uncertainty["markers"][: len(MARKERS)]) == MARKERS
    assert uncertainty["policy"] == "drop"
    assert MinWords(**shipped("min_words")) == MIN_WORDS
    assert KeywordOverlap(**shipped("keyword_overlap")) == OVERLAP


@pytest.mark.parametrize("marker", MARKERS)
@pytest.mark.parametrize(
    "shape",
    [
        pytest.param(str, id="as it is"),
        pytest.param(str.upper, id="upper case"),
        pytest.param(str.title, id="title case"),
        pytest.param(lambda text: f"Well, {text}, but perhaps.", id="in a sentence"),
        pytest.param(lambda text: f"x{text}x", id="inside a word"),
        pytest.param(lambda text: text.replace("'", "’"), id="curly apostrophe"),
        pytest.param(lambda text: text.upper().replace("'", "ʼ"), id="modifier apostrophe"),
    ],
)
def test_an_answer_with_a_marker_is_dropped(marker: str, shape: Any) -> None:
    assert rejected(UNCERTAINTY, shape(marker))


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("I am not sure", id="written out"),
        pytest.param("I'm sure, not uncertain", id="other words"),
        pytest.param("i'm  not sure", id="two spaces"),
        pytest.param("i'm not\nsure", id="a line end"),
        pytest.param("", id="empty"),
    ],
)
def test_an_answer_without_a_marker_is_kept(answer: str) -> None:
    assert not rejected(UNCERTAINTY, answer)


@pytest.mark.parametrize("marker", ["I’m lost", "I'm LOST", "iʼm lost"])
def test_a_marker_is_found_however_its_own_case_and_apostrophes_are(marker: str) -> None:
    assert rejected(
        Uncertainty(markers=(marker,), policy="drop", quoted=True), "well, i'm lost here"
    )
    assert rejected(
        Uncertainty(markers=(marker,), policy="drop", quoted=True), "Well, I’m lost here"
    )


@CHECKED
@given(TEXTS)
def test_uncertainty_is_the_articles_rule(answer: str) -> None:
    assert rejected(UNCERTAINTY, answer) == any(m in answer.lower() for m in MARKERS)


@CHECKED
@given(TEXTS, st.sampled_from(MARKERS), TEXTS)
def test_a_marker_is_found_wherever_it_stands(before: str, marker: str, after: str) -> None:
    assert rejected(UNCERTAINTY, before + marker.upper() + after)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param("word " * 49, 49, id="49"),
        pytest.param("word " * 50, 50, id="50"),
        pytest.param("a-b " * 50, 50, id="hyphens"),
        pytest.param("\n\tword\n" * 50, 50, id="any white space"),
        pytest.param("word\u00a0" * 50, 50, id="no-break space"),
        pytest.param("雪" * 500, 1, id="no spaces"),
        pytest.param("", 0, id="empty"),
    ],
)
def test_an_answer_below_fifty_words_is_dropped(answer: str, words: int) -> None:
    assert rejected(MIN_WORDS, answer) == (words < 50)


@CHECKED
@given(TEXTS, st.integers(0, 8))
def test_min_words_is_the_articles_rule(answer: str, least: int) -> None:
    assert rejected(MinWords(min_words=least), answer) == (len(answer.split()) < least)


@pytest.mark.parametrize(
    ("question", "answer", "dropped"),
    [
        # Content words of the question: explain, difference, between, clusterip.
        pytest.param("Explain the difference between ClusterIP", "nothing", True, id="0 of 4"),
        pytest.param("Explain the difference between ClusterIP", "CLUSTERIP!", False, id="1 of 4"),
        pytest.param("alpha bravo_ delta gamma omega", "alpha", False, id="1 of 5 is 0.2"),
        pytest.param("alpha bravo delta gamma omega kappa", "alpha", True, id="1 of 6"),
        pytest.param("alpha alpha alpha alpha alpha kappa", "kappa", False, id="each word once"),
        pytest.param("alpha", "alphabet", True, id="whole words"),
        pytest.param("Why is it so?", "because", False, id="no content word"),
        pytest.param("four five", "nothing", False, id="words of four letters"),
        pytest.param("three", "four", True, id="a word of five letters"),
        pytest.param("12345 is?", "12345", False, id="digits count"),
        pytest.param("", "anything", False, id="empty question"),
        pytest.param("kubectl?", "", True, id="empty answer"),
        pytest.param("naïveté", "NAÏVETÉ", False, id="letters beyond ASCII"),
        pytest.param("что такое контейнер", "КОНТЕЙНЕР", False, id="Cyrillic"),
        pytest.param("don’t’s", "xxxxx", False, id="an apostrophe ends a word"),
        pytest.param("pod-memory", "pod_memory", True, id="an underscore does not"),
    ],
)
def test_an_answer_off_its_question_is_dropped(question: str, answer: str, dropped: bool) -> None:
    assert rejected(OVERLAP, answer, question) == dropped


WORDS = st.lists(st.sampled_from(["alpha", "bravo", "delta", "Gamma", "omega", "of", "x", "¿qué?"]))


@CHECKED
@given(WORDS, WORDS)
def test_keyword_overlap_is_the_articles_rule_but_for_questions_without_a_word(
    asked: list[str], said: list[str]
) -> None:
    question, answer = " ".join(asked), ", ".join(said)
    wanted = set(re.findall(r"\b\w{5,}\b", question.lower()))
    got = set(re.findall(r"\b\w{5,}\b", answer.lower()))
    share = len(wanted & got) / len(wanted) if wanted else 1.0

    assert rejected(OVERLAP, answer, question) == (share < 0.2)


@CHECKED
@given(TEXTS, TEXTS)
def test_an_answer_that_repeats_its_question_is_never_off_topic(question: str, more: str) -> None:
    assert not rejected(
        KeywordOverlap(min_share=1.0, min_letters=1), f"{question} {more}", question
    )


@pytest.mark.parametrize(
    ("answer", "dropped"),
    [("#### 18", False), ("eighteen", True), ("", True), ("x2", False), ("٣", False)],
)
def test_a_worked_answer_needs_a_number(answer: str, dropped: bool) -> None:
    assert rejected(NumberPresent(), answer) == dropped


@pytest.mark.parametrize(
    "answer",
    [
        "I do not know.",
        "I am not sure.",
        "I'm not certain, but it is 5.",
        "It is 5, though I AM NOT CERTAIN.",
        "I cannot determine this",
        "Honestly, I have no idea.",
        "It is not known to me.",
        "**I don’t know**",
    ],
)
def test_the_shipped_markers_find_full_and_contracted_forms(answer: str) -> None:
    assert rejected(Uncertainty(**shipped("uncertainty")), answer)


@pytest.mark.parametrize(
    "answer",
    [
        "The error 'I don't know' is what the child said.",
        'She replied: "I am not sure."',
        "“I don’t know” is no answer.",
        "It is not known who wrote it.",
        "The pod does not know its node; the cause cannot be determined from x alone.",
    ],
)
def test_the_shipped_markers_leave_quotations_and_others_ignorance_alone(answer: str) -> None:
    assert not rejected(Uncertainty(**shipped("uncertainty")), answer)
    assert rejected(UNCERTAINTY, 'She replied: "I don\'t know."')

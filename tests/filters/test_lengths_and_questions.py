"""Lengths that stand apart from the others, and questions that do not stand alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tables import answered_table

from distill.build import build
from distill.config import compose
from distill.filters import LengthOutliers

DATA = Path(__file__).parents[2].parent / "shared" / "data"
real = pytest.mark.skipif(
    not DATA.is_dir(), reason="the real data sets are not beside this checkout"
)


def lengths(*words: int, slices: list[str | None] | None = None) -> pl.DataFrame:
    columns = {} if slices is None else {"slice": slices}
    return answered_table(["w " * n for n in words], **columns)


USUAL = [40, 44, 50, 55, 60, 66, 70, 77, 80, 90]


@pytest.mark.parametrize(
    ("words", "dropped"), [(900, True), (2, True), (0, True), (120, False), (30, False)]
)
def test_a_length_far_from_the_others_is_dropped(words: int, dropped: bool) -> None:
    one = LengthOutliers(max_deviations=3.5, min_rows=10)
    assert one.rejects(lengths(*USUAL, words)).to_list() == [False] * 10 + [dropped]


def test_the_evidence_says_what_is_usual_and_keeps_to_it() -> None:
    one = LengthOutliers(max_deviations=2, min_rows=10)
    why = one.details(lengths(*USUAL, 900)).to_list()[-1]
    assert why is not None
    low, high = (int(why.split()[i]) for i in (4, 6))
    assert why == f"900 words, usual are {low} to {high}"
    edges = one.rejects(lengths(*USUAL, 900, *[low, high, low - 1, high + 1]))
    # Four more rows move the median a little, and with it the limits.
    assert edges.to_list()[:10] == [False] * 10
    assert low < min(USUAL)
    assert high > max(USUAL)


def test_few_rows_say_nothing_and_slices_speak_for_themselves() -> None:
    one = LengthOutliers(max_deviations=3.5, min_rows=11)
    assert not one.rejects(lengths(*USUAL)).any()
    slices: list[str | None] = ["long"] * 10 + ["long", "short", "short"]
    found = one.details(lengths(*USUAL, 900, 1, 900, slices=slices))
    assert [row for row, why in enumerate(found) if why] == [10]
    assert found[10].endswith(" in slice long")


def test_outliers_do_not_hide_each_other() -> None:
    one = LengthOutliers(max_deviations=3.5, min_rows=10)
    assert one.rejects(lengths(*USUAL, 5000, 5000, 5000)).to_list() == [False] * 10 + [True] * 3


def test_lengths_without_spread_say_nothing() -> None:
    one = LengthOutliers(max_deviations=3.5, min_rows=3)
    assert not one.rejects(lengths(*[1] * 9, 400)).any()


def question(*overrides: str) -> Any:
    filters = build(compose(["seeds.path=-", "filter=question_quality", *overrides])).filters
    return filters["question_quality"]


SHIPPED = question()


def told(text: str, one: Any = SHIPPED) -> str | None:
    why: str | None = one.details(answered_table(["Yes."], question=[text])).item()
    return why


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "0 words, want 2 or more"),
        ("???", "0 words, want 2 or more"),
        ("Why?", "1 words, want 2 or more"),
        ("12 + 7 = ?", "no letter"),
        ("so $$$ %% ## @@ ||| --- x", "3 of 18 signs are text"),
        ("https://example.com/a?b=c", "only a URL"),
        (" www.example.com, HTTP://EXAMPLE.COM ", "only a URL"),
        ("Summarise {text} in a sentence.", "an unfilled place of a template"),
        ('Summarise "{{ the_text }}".', "an unfilled place of a template"),
        ("Write to [INSERT NAME HERE].", "an unfilled place of a template"),
        ("I am [Your Name], who are you?", "an unfilled place of a template"),
        ("My order is <your order number>.", "an unfilled place of a template"),
        ("The city of [CITY NAME] is where?", "an unfilled place of a template"),
        ("Summarise the above.", "points to what is not there: the above"),
        ("What’s in THIS IMAGE?", "points to what is not there: this image"),
        ("Translate the attached file.", "points to what is not there: the attached"),
        ("I’ve attached my bill: is it right?", "points to what is not there: i've attached"),
    ],
)
def test_a_question_that_does_not_stand_alone_is_dropped(text: str, why: str) -> None:
    assert told(text) == why


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Why restart?", id="two words"),
        pytest.param("雪は何ですか", id="no spaces"),
        pytest.param("What is at https://example.com/a?", id="a question with a URL"),
        pytest.param(r"Compute \frac{a}{b} for {1, 2}.", id="formulas"),
        pytest.param("What does `f'{name}'` print, and ```{x}```?", id="code"),
        pytest.param("What does print(f'{name}') print?", id="code without fences"),
        pytest.param("Is a List<String> a[i] fine?", id="brackets"),
        pytest.param("How is a rope attached to a wall?", id="a word alone"),
        pytest.param("What is two-thirds of 12?", id="a number"),
        pytest.param("Is the abovementioned rule old?", id="part of a word"),
        pytest.param(
            "The above rule holds: " + "a b c d e f g h i j " * 6, id="brings its context"
        ),
    ],
)
def test_a_question_that_stands_alone_passes(text: str) -> None:
    assert told(text) is None


@pytest.mark.parametrize(
    ("text", "override"),
    [
        ("Why?", "min_words=1"),
        ("12 + 7 = ?", "letters=false"),
        ("so $$$ %% ## @@ ||| --- x", "min_text=0.1"),
        ("https://example.com/a?b=c", "bare_urls=false"),
        ("Summarise {text} in a sentence.", "placeholders=false"),
        ("Summarise the above.", "references=[below]"),
        ("Summarise the above.", "context_words=2"),
    ],
)
def test_every_rule_can_be_loosened(text: str, override: str) -> None:
    assert told(text) is not None
    assert told(text, question(f"filter.question_quality.{override}")) is None


def test_without_a_limit_a_reference_counts_in_a_question_of_any_length() -> None:
    text = "The above rule holds: " + "a b c d e f g h i j " * 6
    assert told(text, question("filter.question_quality.context_words=null")) is not None


@real
@pytest.mark.parametrize("source", ["gsm8k/train.jsonl", "banking77/train.jsonl"])
def test_questions_of_humans_are_left_alone(source: str) -> None:
    questions = pl.read_ndjson(DATA / source)["question"].to_list()
    table = answered_table(questions, question=questions)
    assert len(questions) > 7000
    assert SHIPPED.rejects(table).mean() < 0.001


@real
def test_worked_answers_of_humans_are_of_usual_length() -> None:
    answers = pl.read_ndjson(DATA / "gsm8k" / "train.jsonl")["answer"].to_list()
    table = answered_table(answers)
    filters = build(compose(["seeds.path=-", "filter=length_outliers"])).filters
    assert filters["length_outliers"].rejects(table).mean() < 0.005

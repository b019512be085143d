"""Answers in another language than wanted: by sentences, and by what humans wrote."""

from __future__ import annotations

import importlib.util
from typing import Any

import polars as pl
import pytest
from tables import answered_table

from distill.build import build
from distill.config import compose
from distill.errors import ConfigError
from distill.filters import Language

ENGLISH = "The pod is restarted by the kubelet as soon as its container has ended."
GERMAN = "Der Pod wird vom Kubelet neu gestartet, sobald sein Container zu Ende ist."
FRENCH = "Le pod est redémarré par le kubelet dès que son conteneur s'est arrêté."
CHINESE = "容器结束后，节点代理会重新启动该容器组，并逐渐延长等待时间。"
QUESTION = "What becomes of a pod when the container in it has ended?"
FRAGE = "Was wird aus einem Pod, wenn der Container darin zu Ende ist?"


def told(
    answer: str, question: str = QUESTION, languages: tuple[str, ...] | None = None, **changes: Any
) -> str | None:
    settings: dict[str, Any] = {"min_likelihood": 0.2, "min_words": 5} | changes
    one = Language(languages=languages, **settings)
    why: str | None = one.details(answered_table([answer], question=[question])).item()
    return why


@pytest.mark.parametrize(
    ("answer", "question", "kept"),
    [
        pytest.param(ENGLISH, QUESTION, True, id="English to English"),
        pytest.param(GERMAN, FRAGE, True, id="German to German"),
        pytest.param(GERMAN, QUESTION, False, id="German to English"),
        pytest.param(ENGLISH, FRAGE, False, id="English to German"),
        pytest.param(CHINESE, QUESTION, False, id="Chinese to English"),
        pytest.param("Paris, natürlich.", QUESTION, True, id="too short an answer"),
        pytest.param(GERMAN, "Pods?", True, id="too short a question"),
        pytest.param("", QUESTION, True, id="empty"),
        pytest.param("12 + 30 = 42\n#### 42", QUESTION, True, id="numbers"),
    ],
)
def test_an_answer_is_to_be_in_the_language_of_its_question(
    answer: str, question: str, kept: bool
) -> None:
    assert (told(answer, question) is None) == kept


@pytest.mark.parametrize(
    ("answer", "kept"),
    [(ENGLISH, True), (GERMAN, True), (FRENCH, False), (CHINESE, False)],
    ids=["English", "German", "French", "Chinese"],
)
def test_an_answer_is_to_be_in_one_of_the_wanted_languages(answer: str, kept: bool) -> None:
    assert (told(answer, FRAGE, ("en", "de")) is None) == kept


def test_the_evidence_names_both_languages() -> None:
    assert told(GERMAN, languages=("en", "fr")) == "reads as de (1.00), want en or fr"
    assert str(told(GERMAN)).startswith("reads as de (1.00), want the question's en (")


def test_fenced_code_does_not_count() -> None:
    code = "```\nfor item in the list of things: print the item and return it\n```\n"
    assert told(f"{code}{GERMAN}", FRAGE) is None
    assert told(f"{code}Siehe oben.", FRAGE) is None


def test_an_end_that_drifts_away_shows_in_a_long_answer() -> None:
    assert told(f"{ENGLISH} " * 40, languages=("de",)) is not None
    assert told(f"{ENGLISH} " * 40 + f"{CHINESE} " * 40, languages=("en",)) is not None


@pytest.mark.parametrize("words", [0, 5, 12])
def test_a_text_of_just_enough_words_is_looked_at(words: int) -> None:
    answer = "Der Pod wird vom Kubelet neu gestartet, sobald sein Container zu Ende"
    assert told(answer, languages=("en",), min_words=words) is not None
    assert told(answer, languages=("en",), min_words=13) is None


def test_an_unknown_language_is_a_fault_of_the_config() -> None:
    wanted = ["seeds.path=-", "filter=language", "filter.language.languages=[en,qq]"]
    with pytest.raises(
        ConfigError, match=r"filter\.language\.languages: got \['en', 'qq'\], want some"
    ):
        build(compose(wanted))


@pytest.mark.parametrize("languages", ["english", "[EN]", "[]", "[english]"])
def test_what_is_no_code_is_a_fault_of_the_config(languages: str) -> None:
    wanted = ["seeds.path=-", "filter=language", f"filter.language.languages={languages}"]
    with pytest.raises(ConfigError, match=r"filter\.language\.languages"):
        build(compose(wanted))


@pytest.mark.parametrize("name", ["language", "pii", "secrets"])
def test_a_missing_extra_is_told_before_anything_is_spent(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: None)
    with pytest.raises(ConfigError) as caught:
        build(compose(["seeds.path=-", f"filter={name}"]))
    assert str(caught.value).startswith(f"filter.{name}: the package ")
    assert "pip install 'distill[filters]'" in str(caught.value)


def test_a_table_without_a_row_or_an_answer_is_no_fault() -> None:
    one = Language(languages=None, min_likelihood=0.2, min_words=5)
    table = answered_table([ENGLISH, GERMAN]).with_columns(answer=pl.lit(None, dtype=pl.String))
    assert one.rejects(table).to_list() == [False, False]
    assert one.rejects(table.clear()).to_list() == []

"""When a disguised text is the same one, and when two texts stay two."""

from __future__ import annotations

import polars as pl
import pytest

from distill.lookalikes import CYRILLIC, GREEK, unmasked
from distill.wording import normalised, signed, squeezed

ENGLISH = "How many apples do Peter and a cop buy in May at Tesco?"
RUSSIAN = "Сколько яблок осталось у Маши и её сестры?"


def words(text: str) -> str:
    return str(pl.DataFrame({"q": [text]}).select(normalised("q"))["q"][0])


def disguised(text: str, table: dict[int, int]) -> str:
    return text.translate({latin: letter for letter, latin in reversed(table.items())})


@pytest.mark.parametrize("table", [CYRILLIC, GREEK], ids=["cyrillic", "greek"])
def test_a_text_with_every_letter_exchanged_that_has_a_look_alike_is_the_same_text(
    table: dict[int, int],
) -> None:
    other = disguised(ENGLISH, table)

    assert sum(a != b for a, b in zip(ENGLISH, other, strict=True)) > 10
    for same in (normalised, signed, squeezed):
        frame = pl.DataFrame({"q": [ENGLISH, other, None]}).select(q=same("q"))
        assert frame["q"][0] == frame["q"][1]
        assert frame["q"][2] is None


def test_a_russian_text_with_latin_letters_in_it_is_the_russian_text() -> None:
    for other in (RUSSIAN.replace("с", "c"), RUSSIAN.translate(CYRILLIC)):
        assert other != RUSSIAN
        assert words(other) == words(RUSSIAN)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("What does сор mean?", "What does cop mean?", id="a word of either script"),
        pytest.param("сор", "cop", id="nothing else"),
        pytest.param("Solve αx = 3", "Solve ax = 3", id="a formula"),
        pytest.param("Is ν above 5 Hz?", "Is v above 5 Hz?", id="a symbol"),
        pytest.param("вес", "bec", id="letters that look so in capitals alone"),
        pytest.param("Что такое с?", "Что такое c?", id="a Latin letter in a Russian text"),
    ],
)
def test_two_texts_stay_two(one: str, other: str) -> None:
    assert words(one) != words(other)


@pytest.mark.parametrize(
    "text",
    [
        RUSSIAN,
        "Πόσα μήλα έχει η Μαρία;",
        "5 μm, 3 kΩ and ΔE = hν",
        "iPhone7ы, iPhoneы",
        "Natalia",
        "",
        "日本 а b",
    ],
)
def test_a_text_of_real_scripts_stays_as_it_is(text: str) -> None:
    assert unmasked(pl.Series([text]))[0] == text


def test_case_does_not_count_in_real_scripts() -> None:
    for text in (RUSSIAN, "Πόσα μήλα έχει η Μαρια", "Вот XML-файл и C++"):
        assert words(text.upper()) == words(text) == words(text.lower())

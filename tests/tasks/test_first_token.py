"""Labels told by the first token of a reply."""

from __future__ import annotations

import math

import pytest

from distill.tasks.first_token import SMALLEST, clashes, lettered, likeliest, spread

LABELS = ("business", "sport", "tech")


def logs(**probs: float) -> dict[str, float]:
    return {token: math.log(prob) for token, prob in probs.items()}


def test_a_token_speaks_for_the_one_label_that_begins_with_it() -> None:
    found = spread(logs(business=0.5, sp=0.2, te=0.1, the=0.2), LABELS)

    assert found.covered == pytest.approx(0.8)
    assert found.probs == pytest.approx((0.5 / 0.8, 0.2 / 0.8, 0.1 / 0.8))


def test_blanks_case_and_punctuation_are_variants_of_one_token() -> None:
    tokens = {
        " Sport": 0.2,
        "sport": 0.1,
        '"SPORT': 0.1,
        "sport.": 0.05,
        "\n": 0.05,
        "business": 0.5,
    }
    found = spread({token: math.log(prob) for token, prob in tokens.items()}, LABELS[:2])

    assert found.covered == pytest.approx(0.95)
    assert found.probs == pytest.approx((0.5 / 0.95, 0.45 / 0.95))


def test_a_token_that_two_labels_begin_with_speaks_for_none() -> None:
    found = spread(logs(s=0.5, sport=0.2, science=0.3), ("sport", "science"))

    assert found.covered == pytest.approx(0.5)
    assert found.probs == pytest.approx((0.4, 0.6))


def test_a_label_below_the_cut_gets_at_most_what_is_left_and_at_most_the_last_token() -> None:
    # 0.1 is left for two labels; the last token that was told of has 0.02.
    cut = spread(logs(business=0.88, the=0.02), LABELS)
    assert cut.probs[1] == cut.probs[2] == pytest.approx(0.02 / 0.92)

    # Nearly nothing is left: less than the last token has.
    full = spread(logs(business=0.89, the=0.1), LABELS)
    assert full.probs[1] == pytest.approx(0.005 / 0.9)


def test_nothing_left_is_as_little_as_the_rounding_allows() -> None:
    found = spread({"sport": 0.0, "tech": -9999.0}, LABELS)

    assert found.probs[0] == found.probs[2] == pytest.approx(SMALLEST)
    assert math.fsum(found.probs) == pytest.approx(1.0)
    assert found.covered == 1.0


def test_tokens_that_are_no_labels_cover_nothing() -> None:
    assert spread(logs(The=0.6, I=0.4), LABELS).covered == 0.0
    assert spread({}, LABELS).covered == 0.0


@pytest.mark.parametrize(
    ("names", "alike"),
    [
        (("business", "sport"), []),
        (("A", "B", "C"), []),
        (("card arrival", "card linking", "top up"), ["card arrival", "card linking"]),
        (("tech", "technology", "sport"), ["tech", "technology"]),
        (("Topic: a", "Topic: b"), ["Topic: a", "Topic: b"]),
        (("c", "c++", "rust"), ["c", "c++"]),
        (("US", "us", "uk"), ["US", "us"]),
        (("+", "-"), ["+", "-"]),
    ],
)
def test_labels_that_begin_alike_are_found(names: tuple[str, ...], alike: list[str]) -> None:
    assert clashes(names) == alike


def test_letters_and_evidence_are_written_out() -> None:
    assert lettered(LABELS) == "A. business\nB. sport\nC. tech"
    assert likeliest(logs(a=0.5, b=0.3, c=0.15, d=0.05)) == "'a' 0.50, 'b' 0.30, 'c' 0.15"

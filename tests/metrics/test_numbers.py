import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.metrics.numbers import extract_number, same_number

GSM8K = Path(__file__).parents[2] / "../shared/data/gsm8k"
RECORDED = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        pytest.param("2 and 3 make\n#### 1,234", "1234", id="hashes with thousands"),
        pytest.param("####18", "18", id="hashes without a space"),
        pytest.param("#### $18.", "18", id="hashes with currency and full stop"),
        pytest.param("#### **-1,450,000**", "-1450000", id="hashes in bold"),
        pytest.param("#### 16 + 2 = 18", "18", id="a calculation after hashes"),
        pytest.param("#### 18\n\nQ: next?\n#### 20", "18", id="the first hashes"),
        pytest.param("#### 1. Count the 3 eggs\nSo 7", "7", id="a numbered heading is no answer"),
        pytest.param("#### Step 1\nSo 7", "7", id="a heading in words is no answer"),
        pytest.param("13 * 2 = $<<13*2=26>>26\nA: 26", "26", id="a line"),
        pytest.param("A: $90,000", "90000", id="a line with currency"),
        pytest.param("A: 26 eggs\n\nQ: more?\nA: 40", "26", id="the first line"),
        pytest.param("A: 5 eggs at $2\nThat makes 10", "10", id="a line with two numbers"),
        pytest.param("#### 7\nA: 8\nThe answer is 9", "7", id="hashes come first"),
        pytest.param("The answer is 9\nA: 8", "8", id="a line comes before the phrase"),
        pytest.param("The answer is \\boxed{5}, not 6", "5", id="the phrase comes before the last"),
        pytest.param("The answer is $42.50 for 3 days", "42.50", id="the phrase"),
        pytest.param("**Answer:** 18 of the 20", "18", id="the phrase with a colon in bold"),
        pytest.param("The final answer is: -7", "-7", id="the phrase with is and a colon"),
        pytest.param("answer is 3. No, the answer is 4. 5", "4", id="the last phrase"),
        pytest.param("answer is 18. The answer is clear", "18", id="a phrase that states nothing"),
        pytest.param("The answer is 3 + 4 = 7 apples", "7", id="a calculation in the phrase"),
        pytest.param("The answer is x = 5, as 2 < 6", "5", id="a named number"),
        pytest.param("Answer:\n\n12 eggs", "12", id="a phrase on a line of its own"),
        pytest.param("\\boxed{17} of 20", "17", id="boxed"),
        pytest.param("\\boxed{1{,}234} of 20", "1234", id="boxed with LaTeX thousands"),
        pytest.param("\\boxed{\\$5} of 20", "5", id="boxed with LaTeX currency"),
        pytest.param("\\boxed{3} then \\boxed{4} of 20", "4", id="the last box"),
        pytest.param("16 - 3 = 13 eggs a day", "13", id="the last number"),
        pytest.param("from 16-3", "3", id="subtraction is no sign"),
        pytest.param("from (4)-3", "3", id="subtraction after a bracket is no sign"),
        pytest.param("it fell to −5", "-5", id="a real minus sign"),
        pytest.param("it fell to -$5", "-5", id="minus before currency"),
        pytest.param("it fell to $-5", "-5", id="minus after currency"),
        pytest.param("it is 50%.", "50", id="percent is not a hundredth"),
        pytest.param("it is .5", "0.5", id="no leading zero"),
        pytest.param("one of 1,2,3", "3", id="a list is not thousands"),
        pytest.param("1,234,567.80", "1234567.80", id="thousands and decimals"),
        pytest.param("_18_", "18", id="in italics"),
        pytest.param("18 pods of v1.2.3", "18", id="digits of a version"),
        pytest.param("18 eggs of hen H2O", "18", id="digits within a word"),
    ],
)
def test_the_final_number_is_found(text, number):
    assert extract_number(text) == Decimal(number)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        pytest.param("#### 3/4", Fraction(3, 4), id="plain"),
        pytest.param("the answer is -3 / 4 of it", Fraction(-3, 4), id="spaced and negative"),
        pytest.param("A: 1 1/2 hours", Fraction(3, 2), id="mixed"),
        pytest.param("\\boxed{-\\frac{3}{4}}", Fraction(-3, 4), id="LaTeX"),
        pytest.param("\\boxed{\\dfrac{1,000}{3}}", Fraction(1000, 3), id="LaTeX with thousands"),
    ],
)
def test_a_fraction_stays_exact(text, number):
    found = extract_number(text)
    assert isinstance(found, Fraction)
    assert found == number


@pytest.mark.parametrize("text", ["", "no number here", "H2O", "5/0", "####", "A:", "\\boxed{}"])
def test_a_text_without_a_number_has_none(text):
    assert extract_number(text) is None


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("3.0", "3"),
        ("$1,234.00", "1234"),
        ("0.75", "3/4"),
        ("6/3", "2"),
        ("50%", "50"),
        ("-0", "0"),
        ("007", "7"),
    ],
)
def test_equal_numbers_are_the_same_however_written(a, b):
    assert same_number(a, b)
    assert same_number(b, a)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("0.33", "1/3"),
        ("18.01", "18"),
        ("-5", "5"),
        ("0.5", "50%"),
        ("1" * 40, "1" * 39 + "2"),
        (None, "5"),
        ("5", None),
        (None, None),
        ("none", "none"),
    ],
)
def test_unequal_or_missing_numbers_are_not_the_same(a, b):
    assert not same_number(a, b)


@given(st.integers(-(10**12), 10**12))
def test_a_whole_number_is_read_back_from_every_marker(number):
    for written in (f"{number}", f"{number:,}"):
        for text in (
            f"7 and 8\n#### {written}",
            f"7 and 8\nA: {written}",
            f"7 and 8. The answer is {written}.",
            f"7 and 8 so \\boxed{{{written}}}",
            f"7 and 8 make {written}.",
        ):
            assert extract_number(text) == number


@given(st.text(alphabet="#A: answeri\\boxed{}frc/0123,.$-–%\n*_=", max_size=60))
def test_no_text_breaks_the_extraction(text):
    number = extract_number(text)
    assert number is None or same_number(text, text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("1" * 20_000, id="one endless number"),
        pytest.param("1" * 20_000 + "/3", id="one endless fraction"),
        pytest.param("1,111" * 4_000, id="endless thousands"),
        pytest.param("the answer is " * 2_000 + "1", id="an endless phrase"),
        pytest.param("\\boxed{" * 3_000 + "1", id="endless boxes"),
    ],
)
def test_a_student_that_repeats_itself_without_end_is_still_scored(text):
    assert same_number(text, text)


def shared_rows(name):
    path = GSM8K / name
    if not path.exists():
        pytest.skip(f"{name} of the shared GSM8K data is not here")
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.mark.parametrize("student", RECORDED)
def test_recorded_answers_are_judged_as_their_authors_judged_them(student):
    references = {row["id"]: row["reference_answer"] for row in shared_rows("heldout.jsonl")}
    disagreements = [
        row["id"]
        for row in shared_rows("recorded_answers.jsonl")
        if same_number(row[student], references[row["id"]]) != row[f"{student}_correct"]
    ]
    assert disagreements == []


def test_worked_human_answers_end_in_their_reference():
    for row in shared_rows("heldout.jsonl"):
        assert same_number(row["worked"], row["reference_answer"]), row["id"]

r"""Which number a worked answer ends in, and whether two of them are the same.

The first of these that is found is the final number:

1. `#### 1,234`, the first one: what a student goes on to say after its answer is not its answer.
2. A line `A: 26` with no second number in it, the first one.
3. `answer is …` or `answer: …`, the last one that a number follows on its line.
4. `\boxed{…}`, the last one, likewise.
5. The last number of the text.

In 1, 3 and 4 a calculation stands for its result: `answer is 3 + 4 = 7` states 7.

Thousands separators, currency and percent signs and a closing full stop are no part of a number:
`$1,234.` is 1234 and `50%` is 50, not 0.5. Fractions (`3/4`, `1 1/2`, `\frac{3}{4}`) stay exact.
Numbers are the same only if they are equal: 3.0 is 3, but 0.33 is not 1/3.

Source: Cobbe et al. 2021, arXiv 2110.14168, whose own scorer knows rule 1 only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

WHOLE = r"(?:\d{1,3}(?:(?:,|\{,\})\d{3})+(?!\d)|\d+)"
DECIMAL = rf"(?:{WHOLE}(?:\.\d+)?|\.\d+)"
NUMBER = re.compile(
    rf"""
    (?<![^\W_])(?<!\d\.)                          # not within a word or a version number
    (?:(?<![)\]}}])(?P<minus>[-−–](?=[\\$€£¥.\d])))?  # 16-3 and (4)-3 subtract
    (?:\\?[$€£¥]\s?(?P<inner_minus>[-−–]?))?          # $-5
    (?:
        \\[dt]?frac\{{(?P<tex_top>{DECIMAL})\}}\{{(?P<tex_bottom>{DECIMAL})\}}
      | (?P<units>\d+)[ ](?P<part_top>\d+)/(?P<part_bottom>\d+)
      | (?P<top>{DECIMAL})(?:[ ]?/[ ]?(?P<bottom>{DECIMAL}))?
    )
    """,
    re.VERBOSE,
)
# A numbered heading (`#### 1. Count the eggs`) states nothing.
HASHES = re.compile(r"####\s*[*_`]*(?!\d+[.):]\s+[^\W\d])")
A_LINE = re.compile(r"^[ \t*_]*A:[ \t*_]*(?P<rest>[^\d\n]{0,3}\d[^\n]*)$", re.MULTILINE)
# The bound keeps a student that repeats the phrase without end from costing quadratic time.
NUMBER_AHEAD = r"(?=[^\d\n]{0,200}\d)"
PHRASE = re.compile(rf"\banswer[*_]*(?:\s+is\b|\s*[:=]){NUMBER_AHEAD}", re.IGNORECASE)
BOXED = re.compile(rf"\\boxed\s*\{{{NUMBER_AHEAD}")
OPERATOR = re.compile(r"\s*[-+*/×÷·−–=]")

Number = Decimal | Fraction


def same_number(answer: str | None, reference: str | None) -> bool:
    """Say whether two texts end in the same number; false where either has none."""
    given = None if answer is None else extract_number(answer)
    wanted = None if reference is None else extract_number(reference)
    if given is None or wanted is None:
        return False
    return Fraction(given) == Fraction(wanted)


def extract_number(text: str) -> Number | None:
    """Return the final number of a worked answer, or `None` where it has no number.

    Returns:
        A `Fraction` where it is written as one, else a `Decimal` with all its digits.
    """
    for found in _candidates(text):
        if found is not None:
            return found
    return None


def _candidates(text: str) -> Iterator[Number | None]:
    """Yield what each rule of the module finds, in their order."""
    for marker in HASHES.finditer(text):
        if NUMBER.match(text, marker.end()):
            yield _stated(text, marker.end())
    for line in A_LINE.finditer(text):
        numbers = list(NUMBER.finditer(line["rest"]))
        if len(numbers) == 1:
            yield _value(numbers[0])
    for marks in (PHRASE, BOXED):
        for marker in reversed(list(marks.finditer(text))):
            yield _stated(text, marker.end())
    yield _last(text)


def _stated(text: str, start: int) -> Number | None:
    """Return the first number from `start` to the end of its line, or its calculation's result."""
    line_end = text.find("\n", start)
    end = len(text) if line_end < 0 else line_end
    first = NUMBER.search(text, start, end)
    if first is None:
        return None
    equals = text.rfind("=", first.end(), end)
    if equals >= 0 and OPERATOR.match(text, first.end(), end):
        result = NUMBER.search(text, equals + 1, end)
        return _value(result or first)
    return _value(first)


def _last(text: str) -> Number | None:
    numbers = list(NUMBER.finditer(text))
    return _value(numbers[-1]) if numbers else None


def _value(match: re.Match[str]) -> Number | None:
    """Return the number that `match` spells; `None` for a division by zero."""
    top = match["tex_top"] or match["part_top"] or match["top"]
    bottom = match["tex_bottom"] or match["part_bottom"] or match["bottom"]
    negative = bool(match["minus"]) != bool(match["inner_minus"])
    if bottom is None:
        plain = _decimal(top)
        return plain.copy_negate() if negative else plain
    if not _decimal(bottom):
        return None
    units = Fraction(_decimal(match["units"] or "0"))
    fraction = units + Fraction(_decimal(top)) / Fraction(_decimal(bottom))
    return -fraction if negative else fraction


def _decimal(digits: str) -> Decimal:
    return Decimal(digits.replace("{,}", "").replace(",", ""))

"""Courses over generations as SVG: a line with marks for each, and the spread of its chains.

Each course has a colour, a mark and a dash of its own, so that they are told apart without
colours. As in `charts.py` places across are in percent and nothing here escapes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

PLOT_PX, FLOOR_PX = 170, 22
LEFT, RIGHT = 9.0, 97.0  # where the first and the last generation stand, in percent
MOST_LEVELS, MOST_MARKS, MOST_NUMBERS = 5, 11, 9
KINDS = ("course-a", "course-b", "course-c")
MARKS = (
    '<circle r="4"/>',
    '<path d="M-4 -4H4V4H-4Z"/>',
    '<path d="M0 -5L5 4H-5Z"/>',
)


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One course.

    Args:
        means: By generation, >= 0, two or more.
        lows: Least over the chains; empty where there is no spread.
        highs: Greatest over the chains.
        theory: By generation; empty where there is none.
    """

    means: Sequence[float]
    lows: Sequence[float] = ()
    highs: Sequence[float] = ()
    theory: Sequence[float] = ()


def curves(courses: Sequence[Curve], *, label: str, most: float | None = None) -> str:
    """Return the courses over one scale that begins at 0.

    Args:
        courses: At most as many as there are `KINDS`, of one length.
        label: What a reader who cannot see it is told.
        most: Where the scale ends; `None` is a round number above all values.
    """
    values = [v for one in courses for v in (*one.means, *one.highs, *one.theory)]
    step, top = round_scale(max(values), most)
    levels = [step * i for i in range(round(top / step) + 1)]
    grid = "".join(_level(level, top) for level in levels)
    last = len(courses[0].means) - 1
    every = math.ceil((last + 1) / MOST_NUMBERS)
    numbers = "".join(
        f'<text x="{_across(n, last):g}%" y="{PLOT_PX + 17}" text-anchor="middle">{n}</text>'
        for n in range(0, last + 1, every)
    )
    drawn = "".join(_course(one, kind, top) for kind, one in zip(KINDS, courses, strict=False))
    marks = "".join(
        _marks(one, kind, mark, top) for kind, mark, one in zip(KINDS, MARKS, courses, strict=False)
    )
    # An inner picture that is as wide as the outer one, whatever that comes to in pixels.
    lines = (
        f'<svg width="100%" height="{PLOT_PX}" viewBox="0 0 100 {PLOT_PX}" '
        f'preserveAspectRatio="none">{drawn}</svg>'
    )
    return (
        f'<svg width="100%" height="{PLOT_PX + FLOOR_PX}" role="img" '
        f'aria-label="{escape(label)}">{grid}{lines}{marks}{numbers}</svg>'
    )


def key_mark(at: int) -> str:
    """Return the line and mark of the `at`-th course, to stand beside its name."""
    kind, mark = KINDS[at], MARKS[at]
    line = '<line class="mean" x1="0" y1="7" x2="34" y2="7"/>'
    return (
        f'<svg class="{kind}" width="34" height="14" aria-hidden="true">{line}'
        f'<g class="mark" transform="translate(17 7)">{mark}</g></svg>'
    )


def round_scale(greatest: float, most: float | None = None) -> tuple[float, float]:
    """Return the distance of a scale's levels and its end, both round.

    Args:
        greatest: Largest value that is shown, >= 0.
        most: Where the scale ends whatever is shown, above 0.
    """
    if most is not None:
        return most / 4, most
    top = greatest if greatest > 0 else 1.0
    tens = 10.0 ** math.floor(math.log10(top))
    for part in (0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 2.5, 5.0):
        step = part * tens
        if top <= step * MOST_LEVELS * (1 + 1e-9):
            return step, step * math.ceil(top / step - 1e-9)
    return 10 * tens, 10 * tens


def _course(one: Curve, kind: str, top: float) -> str:
    last = len(one.means) - 1
    band = ""
    if one.lows and any(low < high for low, high in zip(one.lows, one.highs, strict=True)):
        edge = [*_places(one.highs, last, top), *reversed(_places(one.lows, last, top))]
        band = f'<polygon class="band" points="{" ".join(edge)}"/>'
    line = f'<polyline class="mean" points="{" ".join(_places(one.means, last, top))}"/>'
    theory = ""
    if one.theory:
        theory = f'<polyline class="theory" points="{" ".join(_places(one.theory, last, top))}"/>'
    return f'<g class="{kind}">{band}{line}{theory}</g>'


def _marks(one: Curve, kind: str, mark: str, top: float) -> str:
    last = len(one.means) - 1
    every = math.ceil((last + 1) / MOST_MARKS)
    return "".join(
        f'<svg x="{_across(n, last):g}%" y="{_down(one.means[n], top):g}" overflow="visible" '
        f'class="{kind}"><g class="mark">{mark}</g></svg>'
        for n in range(0, last + 1, every)
    )


def _places(values: Sequence[float], last: int, top: float) -> list[str]:
    return [f"{_across(n, last):g},{_down(value, top):g}" for n, value in enumerate(values)]


def _across(number: int, last: int) -> float:
    return round(LEFT + (RIGHT - LEFT) * number / last, 2)


def _down(value: float, top: float) -> float:
    return round(PLOT_PX * (1 - min(1.0, value / top)), 2)


def _level(level: float, top: float) -> str:
    y = _down(level, top)
    return (
        f'<line class="grid" x1="0%" y1="{y:g}" x2="100%" y2="{y:g}"/>'
        f'<text x="0%" y="{y - 3:g}" text-anchor="start">{level:g}</text>'
    )

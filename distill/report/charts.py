"""Charts as SVG: pure functions from figures to markup, without text that would shrink with them.

All horizontal measures are shares of the width in percent, so that a chart fits any column while
its marks and letters keep their size; colours are classes that the page's style sheet sets for
light and dark. Nothing here escapes: every word that comes in is escaped with `html.escape`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

ROW_PX = 28
BAR_PX = 14
PLOT_PX = 150
FLOOR_PX = 20  # below a plot, for its scale
STEPS = (0.02, 0.05, 0.1, 0.2, 0.25)
MOST_TICKS = 6
TICK_PX = 16  # from a plot's floor down to the base of a tick's number
NUMBER_PERCENT = 10  # numbers below a curve that lie nearer to each other would overlap
GAP_PERCENT = 0.5  # between the columns of a histogram
PLACES = 2
TINY = 1e-9


@dataclass(frozen=True)
class Scale:
    """The part of the line of shares that a chart shows.

    Args:
        low: Its left end.
        high: Its right end, above `low`.
        step: Distance of the ticks.
    """

    low: float
    high: float
    step: float

    def percent(self, share: float) -> float:
        """Return where `share` lies, in percent of the width; beyond an end it is that end."""
        place = 100 * (share - self.low) / (self.high - self.low)
        return round(min(100.0, max(0.0, place)), PLACES)

    def ticks(self) -> list[float]:
        """Return the shares that bear a tick, both ends included."""
        steps = round((self.high - self.low) / self.step)
        return [round(self.low + i * self.step, 4) for i in range(steps + 1)]


def scale_for(values: Iterable[float], *, least: float = -1.0, most: float = 1.0) -> Scale:
    """Return the smallest round scale that shows all of `values`, at least one.

    Args:
        values: Shares or differences of shares.
        least: The scale does not begin below it.
        most: The scale does not end above it.
    """
    numbers = list(values)
    for step in STEPS:
        # What lies on a tick up to its last bits ends the scale there.
        left = max(least, step * math.floor(min(numbers) / step + TINY))
        right = min(most, step * math.ceil(max(numbers) / step - TINY))
        if right - left < step:
            left, right = (right - step, right) if right == most else (left, left + step)
        if right - left < step * (MOST_TICKS - 1) + TINY:
            return Scale(round(left, 4), round(right, 4), step)
    return Scale(least, most, (most - least) / 4)


def whisker(
    value: float, low: float, high: float, scale: Scale, *, kind: str, label: str, line_at: float
) -> str:
    """Return a dot with its interval, and a reference line through the whole row.

    Args:
        value: The dot.
        low: Left end of the interval.
        high: Right end.
        scale: Shared by the rows of a chart.
        kind: Class of the marks, such as `student`.
        label: What a reader who cannot see it is told.
        line_at: Where the reference line stands.
    """
    at = scale.percent
    reference = _line(at(line_at), "0", at(line_at), "100%", "reference")
    spread = _line(at(low), 0, at(high), 0, "spread")
    ends = "".join(_line(at(end), -5, at(end), 5, "spread") for end in (low, high))
    dot = f'<circle cx="{at(value):g}%" cy="0" r="5"/>'
    # An inner picture whose top is the row's middle, however tall the row is.
    marks = f'<svg y="50%" overflow="visible"><g class="{kind}">{spread}{ends}{dot}</g></svg>'
    return _svg(reference + marks, ROW_PX, label)


def ticks(scale: Scale, *, signed: bool = False, plain: bool = False) -> str:
    """Return the scale that stands below rows of whiskers; it is decoration beside the numbers.

    Args:
        scale: Of the rows.
        signed: Whether it is of differences, in percentage points with their sign.
        plain: Whether it is of numbers that are no percentages.
    """
    marks = [_tick(share, scale, signed=signed, plain=plain) for share in scale.ticks()]
    return _svg("".join(marks), FLOOR_PX, None)


def bar(parts: Sequence[tuple[float, str]]) -> str:
    """Return a bar of parts laid end to end; it is decoration beside the numbers.

    Args:
        parts: (share of the width, class) of each part; the shares sum to 1 at most.
    """
    left, drawn = 0.0, []
    for share, kind in parts:
        drawn.append(_rect(left, 0, 100 * share, BAR_PX, kind))
        left += 100 * share
    return _svg(_rect(0, 0, 100, BAR_PX, "track") + "".join(drawn), BAR_PX, None)


def histogram(scores: Sequence[float], threshold: float, *, bins: int, label: str) -> str:
    """Return columns of scores in [0, 1], those below the threshold in another colour.

    Args:
        scores: Each in [0, 1].
        threshold: Where the line stands.
        bins: Columns of equal width, >= 1.
        label: What a reader who cannot see it is told.
    """
    columns = binned(scores, threshold, bins)
    top = max((below + above for below, above in columns), default=0) or 1
    width = 100 / bins
    drawn = []
    for i, (below, above) in enumerate(columns):
        low_px, high_px = PLOT_PX * below / top, PLOT_PX * above / top
        left, wide = i * width + GAP_PERCENT / 2, width - GAP_PERCENT
        drawn.append(_rect(left, PLOT_PX - low_px, wide, low_px, "below"))
        drawn.append(_rect(left, PLOT_PX - low_px - high_px, wide, high_px, "above"))
    scale = Scale(0.0, 1.0, STEPS[-1])
    at = scale.percent(threshold)
    floor = _line(0, PLOT_PX, 100, PLOT_PX, "floor") + _line(at, 0, at, PLOT_PX, "threshold")
    marks = "".join(_tick(share, scale, top_px=PLOT_PX, plain=True) for share in scale.ticks())
    return _svg("".join(drawn) + floor + marks, PLOT_PX + FLOOR_PX, label)


def curve(points: Sequence[tuple[int, float, float, float]], *, label: str) -> str:
    """Return a line through shares that grow with a number, each with its interval.

    Args:
        points: (number, share, low, high), by number; the last number is above 0.
        label: What a reader who cannot see it is told.
    """
    most = points[-1][0]
    scale = scale_for([end for _, _, low, high in points for end in (low, high)], least=0.0)
    grid = "".join(_level(share, scale) for share in scale.ticks())
    places = [
        (100 * number / most, _height(y, scale), _height(low, scale), _height(high, scale))
        for number, y, low, high in points
    ]
    steps = "".join(
        _line(x1, y1, x2, y2, "spread")
        for (x1, y1, _, _), (x2, y2, _, _) in itertools.pairwise(places)
    )
    marks = "".join(
        _line(x, low, x, high, "spread") + f'<circle cx="{x:g}%" cy="{y:g}" r="5"/>'
        for x, y, low, high in places
    )
    named, last = "", -math.inf
    for (number, *_), (x, *_) in zip(points, places, strict=True):
        if x - last >= NUMBER_PERCENT:
            named += _text(x, PLOT_PX + TICK_PX, f"{number:,}")
            last = x
    body = f'{grid}<g class="student">{steps}{marks}</g>{named}'
    return _svg(body, PLOT_PX + FLOOR_PX, label)


def _height(share: float, scale: Scale) -> float:
    return round(PLOT_PX * (1 - scale.percent(share) / 100), PLACES)


def _level(share: float, scale: Scale) -> str:
    y = _height(share, scale)
    return _line(0, y, 100, y, "floor") + _text(0, y - 3, f"{100 * share:g}%")


def _text(x: float, y: float, words: str) -> str:
    anchor = "start" if x == 0 else "end" if x == 100 else "middle"
    return f'<text x="{x:g}%" y="{y:g}" text-anchor="{anchor}">{words}</text>'


def binned(scores: Sequence[float], threshold: float, bins: int) -> list[tuple[int, int]]:
    """Return, a column, the scores below the threshold and those that reach it."""
    columns = [[0, 0] for _ in range(bins)]
    for score in scores:
        # A score on the edge of two columns belongs to the right one, whatever its last bit says.
        i = min(bins - 1, int(score * bins + TINY))
        columns[i][score >= threshold] += 1
    return [(below, above) for below, above in columns]


def _tick(
    share: float, scale: Scale, *, top_px: float = 0, signed: bool = False, plain: bool = False
) -> str:
    x = scale.percent(share)
    anchor = "start" if x == 0 else "end" if x == 100 else "middle"
    number = f"{share:g}" if plain else f"{100 * share:+g}" if signed else f"{100 * share:g}%"
    number = "0" if signed and share == 0 else number
    return (
        _line(x, top_px, x, top_px + 4, "floor")
        + f'<text x="{x:g}%" y="{top_px + 16:g}" text-anchor="{anchor}">{number}</text>'
    )


def _line(x1: float, y1: float | str, x2: float, y2: float | str, kind: str) -> str:
    ends = f'x1="{x1:g}%" y1="{y1}" x2="{x2:g}%" y2="{y2}"'
    return f'<line class="{kind}" {ends}/>'


def _rect(x: float, y: float, width: float, height: float, kind: str) -> str:
    if width <= 0 or height <= 0:
        return ""
    place = f'x="{round(x, PLACES):g}%" y="{round(y, PLACES):g}"'
    size = f'width="{round(width, PLACES):g}%" height="{round(height, PLACES):g}"'
    return f'<rect class="{kind}" {place} {size}/>'


def _svg(body: str, height_px: float, label: str | None) -> str:
    told = 'aria-hidden="true"' if label is None else f'role="img" aria-label="{escape(label)}"'
    return f'<svg width="100%" height="{height_px:g}" {told}>{body}</svg>'

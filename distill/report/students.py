"""Several students beside each other, in lines and sentences for terminal, card and page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from distill.report.facts import Manifest
from distill.report.wording import listed, one_line, percent, points
from distill.statistics import ALPHA

WHY_CHARS = 300


@dataclass(frozen=True, kw_only=True)
class PairLine:
    """Two students on the same items.

    Args:
        a: The one that scores higher.
        b: The other.
        difference: a minus b, in points.
        limits: Its 95 % interval.
        p_value: Adjusted for the number of pairs.
        smallest: The true difference that such a test finds 80 % of the time.
        differs: Whether the two are told apart.
    """

    a: str
    b: str
    difference: str
    limits: str
    p_value: str
    smallest: str
    differs: bool


def pair_lines(manifest: Manifest) -> list[PairLine]:
    """Return each two students, the better first; none where there is one student."""
    return [_line(pair) for pair in manifest.get("eval", {}).get("students", {}).get("pairs", [])]


def student_sentences(manifest: Manifest) -> list[str]:
    """Say which students are told apart, and which could not be trained."""
    figures = manifest.get("eval", {})
    found = figures.get("students")
    return [] if found is None else list(_sentences(figures, found))


def _sentences(figures: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    arms = figures["arms"]
    ranked = sorted(found["names"], key=lambda name: -arms[name]["accuracy"])
    scores = listed([f"{name} {percent(arms[name]['accuracy'])}" for name in ranked], 20)
    yield f"Students by score: {scores}."
    lines = [_line(pair) for pair in found["pairs"]]
    alike = [line for line in lines if not line.differs]
    if lines and not alike:
        yield "Every two of them are told apart (paired tests, p adjusted by Holm)."
    elif lines:
        pairs = listed(
            [f"{line.a} and {line.b} ({line.difference}, {line.limits}; {line.smallest} "
             "would be found 80% of the time)" for line in alike], 6
        )  # fmt: skip
        yield f"Not told apart (paired tests, p adjusted by Holm): {pairs}."
    for name, why in found.get("untrained", {}).items():
        yield f"{name} could not be trained: {one_line(why, WHY_CHARS)}"


def _line(pair: Mapping[str, Any]) -> PairLine:
    ahead = pair["difference"] >= 0
    sign = 1 if ahead else -1
    low, high = sorted((sign * pair["low"], sign * pair["high"]))
    p_value, smallest = pair["p_holm"], pair["minimum_detectable"]
    return PairLine(
        a=pair["a"] if ahead else pair["b"],
        b=pair["b"] if ahead else pair["a"],
        difference=points(sign * pair["difference"]),
        limits=f"{points(low)} to {points(high)}",
        p_value="< 0.001" if p_value < 0.001 else f"{p_value:.3f}",
        smallest="no difference" if smallest is None else f"{100 * smallest:.1f} pp",
        differs=p_value < ALPHA and (low > 0 or high < 0),
    )

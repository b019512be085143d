"""The student beside each other arm, in words: what was seen, and what could have been seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from distill.report.facts import Manifest
from distill.report.wording import points
from distill.stages.arms import RANDOM_SAME_SIZE, UNFILTERED
from distill.statistics import ALPHA, Verdict

# What it says of the choosing where the student is better than a control, worse, or neither.
CREDITS: Mapping[str, Mapping[Verdict, str]] = {
    UNFILTERED: {
        "helps": "filters, judge and selection earned their keep",
        "hurts": "filters, judge and selection took out what would have helped",
        "inconclusive": "not shown that filters, judge and selection earned their keep",
    },
    RANDOM_SAME_SIZE: {
        "helps": "which answers were kept mattered, not only how many",
        "hurts": "as many answers drawn blindly do better than those that were kept",
        "inconclusive": "not shown that the kept answers are better than a blind draw of as many",
    },
}


@dataclass(frozen=True, kw_only=True)
class BesideLine:
    """The student minus one other arm, on the same items.

    Args:
        name: The other arm's.
        difference: In points.
        limits: Its 95 % interval.
        p_value: Of the paired test.
        smallest: The least true difference that such a test finds 80 % of the time; "none" where
            no difference is large enough.
    """

    name: str
    difference: str
    limits: str
    p_value: str
    smallest: str


def beside_lines(manifest: Manifest) -> list[BesideLine]:
    """Return the student against every arm that it was compared with, weakest control first."""
    return [_line(name, test) for name, test in _tests(manifest).items()]


def control_sentences(manifest: Manifest) -> list[str]:
    """Say, a control, whether choosing among the teacher's answers was worth it."""
    tests = _tests(manifest)
    return [
        _sentence(_line(name, tests[name]), credits[shown_by(tests[name])])
        for name, credits in CREDITS.items()
        if name in tests
    ]


def shown_by(test: Mapping[str, Any]) -> Verdict:
    """Return the verdict of a test of the manifest, by the rule of `statistics.verdict`."""
    if test["p_value"] < ALPHA and test["low"] > 0:
        return "helps"
    return "hurts" if test["p_value"] < ALPHA and test["high"] < 0 else "inconclusive"


def _tests(manifest: Manifest) -> dict[str, Mapping[str, Any]]:
    arms = manifest.get("eval", {}).get("arms", {})
    return {name: arm["comparison"] for name, arm in arms.items() if "comparison" in arm}


def _line(name: str, test: Mapping[str, Any]) -> BesideLine:
    smallest = test["minimum_detectable"]
    return BesideLine(
        name=name,
        difference=points(test["difference"]),
        limits=f"{points(test['low'])} to {points(test['high'])}",
        p_value="< 0.001" if test["p_value"] < 0.001 else f"{test['p_value']:.3f}",
        smallest="none" if smallest is None else f"{100 * smallest:.1f} pp",
    )


def _sentence(line: BesideLine, credit: str) -> str:
    detectable = (
        "the two differ on too few items for any difference to be found reliably"
        if line.smallest == "none"
        else f"{line.smallest} would be found 80% of the time"
    )
    return (
        f"Against {line.name}, {line.difference} (95% interval {line.limits}; {detectable}): "
        f"{credit}."
    )

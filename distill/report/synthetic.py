"""What synthetic held-out items make of the student, in sentences for terminal, card and page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from distill.report.facts import Manifest
from distill.report.wording import count, counted, interval, percent, points

# An excess that is surely larger is a reason of its own not to report the score.
MARGIN = 0.05


def gap_sentences(manifest: Manifest) -> list[str]:
    """Say how far synthetic items flatter the student, and whether further than the teacher."""
    found: Mapping[str, Any] | None = manifest.get("eval", {}).get("synthetic")
    return [] if found is None else list(_sentences(found))


def _sentences(found: Mapping[str, Any]) -> Iterator[str]:
    if "student" not in found:
        yield (
            f"No synthetic held-out item was asked: dataset or real held-out set asks the same as "
            f"each of the {count(found['left_out'])}."
        )
        return
    student, teacher, excess = (found.get(key) for key in ("student", "teacher", "excess"))
    yield f"On {counted(found['n'], 'synthetic held-out item')} {_gap('the student', student)}"
    if found["left_out"]:
        yield (
            f"{counted(found['left_out'], 'further item was', 'further items were')} left out, "
            "because dataset or real held-out set asks the same."
        )
    if teacher is None or excess is None:
        yield (
            "The gap cannot be judged: no teacher answered (evaluate.teacher), so how much of it "
            "comes from easier questions is not known. Report the score on real items."
        )
        return
    yield f"There {_gap('the teacher', teacher)}"
    yield _judged(excess)


def _gap(who: str, told: Any) -> str:
    synthetic, real, gap = told["synthetic"], told["real"], told["gap"]
    return (
        f"{who} scores {percent(synthetic['accuracy'])} (95% interval "
        f"{interval(synthetic['low'], synthetic['high'])}), on real ones "
        f"{percent(real['accuracy'])}: a gap of {_limits(gap)}."
    )


def _judged(excess: Mapping[str, Any]) -> str:
    by = f"{100 * abs(excess['difference']):.1f} pp"
    limits = _limits(excess, whole=False)
    if excess["low"] > MARGIN:
        return (
            f"The synthetic held-out set flatters the student by {by} more than the teacher "
            f"({limits}): do not report the student's score on it."
        )
    if excess["low"] > 0:
        return (
            f"The synthetic held-out set flatters the student by {by} more than the teacher "
            f"({limits}), which need not be more than {100 * MARGIN:g} pp: report the score on "
            "real items."
        )
    if excess["high"] < 0:
        return (
            f"The synthetic held-out set flatters the student by {by} less than the teacher "
            f"({limits}): its questions are not those that the student learnt to answer; report "
            "the score on real items."
        )
    return (
        f"Whether it flatters the student more than the teacher is not shown: the two gaps differ "
        f"by {_limits(excess)}. Report the score on real items."
    )


def _limits(gap: Mapping[str, Any], *, whole: bool = True) -> str:
    smallest = gap["minimum_detectable"]
    detectable = (
        "which difference would be found cannot be said, as too little varies"
        if smallest is None
        else f"{100 * smallest:.1f} pp would be found 80% of the time"
    )
    limits = f"95% interval {points(gap['low'])} to {points(gap['high'])}; {detectable}"
    return f"{points(gap['difference'])} ({limits})" if whole else limits

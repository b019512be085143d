"""The report's charts with the words and numbers that stand beside each mark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from distill.record import RunRecord
from distill.report.arms import ArmLine, arm_lines, has_control
from distill.report.charts import Scale, bar, histogram, scale_for, ticks, whisker
from distill.report.facts import LabelLine, Manifest, Step, funnel_steps, label_lines, scores
from distill.report.wording import count, interval, percent, points

SHOWN_LABELS = 30
SCORE_BINS = 20


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One row of a plot.

    Args:
        line: What it shows.
        svg: Its chart, as markup.
    """

    line: Any
    svg: str


@dataclass(frozen=True, kw_only=True)
class Plot:
    """Rows of marks over one scale.

    Args:
        marks: The rows.
        scale: The scale below them, as markup; "" where the bars need none.
        words: What else stands beside the plot, by name.
    """

    marks: tuple[Mark, ...]
    scale: str
    words: Mapping[str, Any]


def arms_plot(manifest: Manifest) -> Plot | None:
    """Return a dot with its interval for each arm, `None` without an evaluation."""
    lines = arm_lines(manifest)
    if not lines:
        return None
    ends = [end for line in lines for end in (line.low, line.high)]
    scale = scale_for(ends, least=0.0)
    baseline = next(line.value for line in lines if line.name == manifest["eval"]["baseline"])
    metric = str(manifest["eval"]["metric"]).replace("_", " ")
    return Plot(
        marks=tuple(Mark(line=line, svg=_arm(line, scale, baseline)) for line in lines),
        scale=ticks(scale),
        words={
            "metric": metric,
            "n": manifest["eval"]["n"],
            "baseline": manifest["eval"]["baseline"],
            "has_control": has_control(manifest),
        },
    )


def _arm(line: ArmLine, scale: Scale, baseline: float) -> str:
    label = f"{line.name}: {percent(line.value)}, 95% interval {interval(line.low, line.high)}"
    return whisker(
        line.value, line.low, line.high, scale, kind=line.role, label=label, line_at=baseline
    )


def difference_plot(manifest: Manifest) -> Plot | None:
    """Return the difference that the verdict rests on, `None` where there is none."""
    if not has_control(manifest):
        return None
    figures = manifest["eval"]
    test = figures["comparison"]
    scale = scale_for([test["low"], test["high"], 0.0])
    spread = f"{points(test['low'])} to {points(test['high'])}"
    label = f"{figures['arm']} minus {figures['baseline']}: {points(test['difference'])}, {spread}"
    svg = whisker(
        test["difference"],
        test["low"],
        test["high"],
        scale,
        kind=f"verdict-{manifest['verdict']}",
        label=label,
        line_at=0.0,
    )
    return Plot(
        marks=(Mark(line=test, svg=svg),),
        scale=ticks(scale, signed=True),
        words={
            "spread": spread,
            "difference": points(test["difference"]),
            "p_value": "< 0.001" if test["p_value"] < 0.001 else f"= {test['p_value']:.3g}",
            "smallest": test["minimum_detectable"],
        },
    )


def funnel_plot(record: RunRecord, manifest: Manifest) -> Plot:
    """Return a bar for each step: what is still in, and what fell out in it."""
    steps = funnel_steps(record, manifest)
    most = max(max(step.rows + step.rows_lost for step in steps), 1)
    return Plot(
        marks=tuple(Mark(line=step, svg=_step(step, most)) for step in steps), scale="", words={}
    )


def _step(step: Step, most: int) -> str:
    return bar([(step.rows / most, "in"), (step.rows_lost / most, "out")])


def scores_plot(record: RunRecord) -> Plot | None:
    """Return the histogram of the judge's scores, `None` where it gave none."""
    given = scores(record).to_list()
    judge = record.plan.judge
    if judge is None or not given:
        return None
    below = sum(score < judge.threshold for score in given)
    label = (
        f"Histogram of {count(len(given))} scores: {count(below)} lie below the threshold "
        f"{judge.threshold:g}, {count(len(given) - below)} reach it"
    )
    svg = histogram(given, judge.threshold, bins=SCORE_BINS, label=label)
    words = {
        "threshold": f"{judge.threshold:g}",
        "at": f"{100 * judge.threshold:.4g}",
        "below": below,
        "reached": len(given) - below,
        "mean": f"{sum(given) / len(given):.2f}",
    }
    return Plot(marks=(Mark(line=None, svg=svg),), scale="", words=words)


def labels_plot(record: RunRecord) -> Plot | None:
    """Return a bar for each label, real and distilled rows; `None` for tasks without labels."""
    lines = label_lines(record)
    if not lines:
        return None
    most = max(max(line.rows for line in lines), 1)
    total = sum(line.rows for line in lines)
    return Plot(
        marks=tuple(Mark(line=line, svg=_label(line, most)) for line in lines[:SHOWN_LABELS]),
        scale="",
        words={"rows": total, "more": max(0, len(lines) - SHOWN_LABELS)},
    )


def _label(line: LabelLine, most: int) -> str:
    return bar([(line.real / most, "real"), (line.distilled / most, "in")])

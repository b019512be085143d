"""The student's score by slice and by label: words for card and page, and the page's marks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from distill.report.charts import Scale, scale_for, ticks, whisker
from distill.report.facts import Manifest
from distill.report.plots import Mark, Plot
from distill.report.wording import count, interval, one_line, percent

SHOWN_PARTS = 30
NAME_CHARS = 80
TOO_FEW = "too few to say"
HEADINGS = {"slices": "By slice", "labels": "By true label"}


@dataclass(frozen=True, kw_only=True)
class PartLine:
    """One part of the held-out items.

    Args:
        name: On one line, cut where it is long.
        n: Items.
        value: The student's mean score; "" where there are too few items.
        limits: Its 95 % interval, or that there are too few items.
        baseline: The baseline's mean score; "" likewise.
    """

    name: str
    n: str
    value: str
    limits: str
    baseline: str


def breakdown_lines(manifest: Manifest) -> dict[str, list[PartLine]]:
    """Return the parts, the largest first, by heading; those that no item has are absent."""
    return {
        heading: [_line(part) for part in found[:SHOWN_PARTS]]
        for heading, found in _found(manifest).items()
    }


def breakdown_plots(manifest: Manifest) -> dict[str, Plot]:
    """Return a dot with its interval for each part, by heading."""
    return {heading: _plot(found) for heading, found in _found(manifest).items()}


def _found(manifest: Manifest) -> dict[str, list[Mapping[str, Any]]]:
    figures = manifest.get("eval", {})
    return {heading: figures[key] for key, heading in HEADINGS.items() if figures.get(key)}


def _plot(found: list[Mapping[str, Any]]) -> Plot:
    shown = found[:SHOWN_PARTS]
    clear = [part for part in shown if not part["few"]]
    ends = [part[key] for part in clear for key in ("low", "high", "baseline")]
    scale = scale_for(ends or [0.0, 1.0], least=0.0)
    marks = [
        Mark(line=_line(part), svg="" if part["few"] else _mark(part, scale)) for part in shown
    ]
    return Plot(
        marks=tuple(marks),
        scale=ticks(scale) if clear else "",
        words={"more": len(found) - len(shown)},
    )


def _mark(part: Mapping[str, Any], scale: Scale) -> str:
    limits = interval(part["low"], part["high"])
    name = one_line(part["name"], NAME_CHARS)
    label = f"{name}: {percent(part['accuracy'])}, 95% interval {limits}"
    return whisker(
        part["accuracy"],
        part["low"],
        part["high"],
        scale,
        kind="student",
        label=label,
        line_at=part["baseline"],
    )


def _line(part: Mapping[str, Any]) -> PartLine:
    few = part["few"]
    return PartLine(
        name=one_line(part["name"], NAME_CHARS),
        n=count(part["n"]),
        value="" if few else percent(part["accuracy"]),
        limits=TOO_FEW if few else interval(part["low"], part["high"]),
        baseline="" if few else percent(part["baseline"]),
    )

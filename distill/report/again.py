"""The student trained again: the learning curve and the spread over seeds, in words and marks."""

from __future__ import annotations

from typing import Any

from distill.report.charts import curve
from distill.report.facts import Manifest
from distill.report.plots import Mark, Plot
from distill.report.wording import count, counted, interval, percent


def curve_plot(manifest: Manifest) -> Plot | None:
    """Return the learning curve; `None` where there are not two points of it."""
    points = manifest.get("eval", {}).get("curve", [])
    if len(points) < 2:
        return None
    told = "; ".join(
        f"{counted(point['examples'], 'example')} {percent(point['accuracy'])}" for point in points
    )
    svg = curve(
        [(p["examples"], p["accuracy"], p["low"], p["high"]) for p in points],
        label=f"Learning curve: {told}",
    )
    rows = [
        {
            "share": percent(point["share"]),
            "examples": count(point["examples"]),
            "value": percent(point["accuracy"]),
            "limits": interval(point["low"], point["high"]),
        }
        for point in points
    ]
    return Plot(marks=tuple(Mark(line=row, svg="") for row in rows), scale=svg, words={})


def seeds_sentence(manifest: Manifest) -> str | None:
    """Say what other seeds make of the student; `None` where it was trained once."""
    found: dict[str, Any] | None = manifest.get("eval", {}).get("seeds")
    if found is None:
        return None
    trained = f"Trained with {counted(found['n'], 'seed')}"
    if found["unchanged"]:
        return f"{trained}: the seed changes nothing, every item scored the same."
    spread = (
        f"{trained}: {percent(min(found['accuracy']))} to {percent(max(found['accuracy']))}, "
        f"standard deviation {100 * found['sd']:.1f} pp"
    )
    if not found["verdicts"]:
        return f"{spread}."
    same = sum(verdict == manifest["verdict"] for verdict in found["verdicts"])
    held = "all of them" if same == found["n"] else f"{same} of {found['n']} only"
    return f"{spread}. The verdict, {manifest['verdict']}, holds for {held}."

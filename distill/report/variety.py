"""The dataset's variety beside that of others: words for card and page, and the page's plots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from distill.report.charts import Scale, scale_for, ticks, whisker
from distill.report.facts import Manifest, diversity_value
from distill.report.plots import Mark, Plot
from distill.report.wording import counted, one_line

SOURCE_CHARS = 120
# Beyond it a ratio is drawn at the edge.
LARGEST_RATIO = 2.0
EQUAL = 1.0
HOW = {"paired": "swapped between the sides", "dealt": "dealt anew to them"}


@dataclass(frozen=True, kw_only=True)
class RatioLine:
    """One figure beside that of the other side.

    Args:
        name: The metric's.
        value: Of the dataset, in words.
        other: Of the other side, in words.
        ratio: Of variety, in words.
        limits: Its 95 % interval in words, "" where there is none.
        p_value: Of the test, adjusted, in words; "" where it was not tested.
        is_lower: Whether the whole interval lies below 1.
    """

    name: str
    value: str
    other: str
    ratio: str
    limits: str
    p_value: str
    is_lower: bool


@dataclass(frozen=True, kw_only=True)
class VarietyFacts:
    """One comparison.

    Args:
        against: `references` or `baseline`.
        sentence: What was compared with what, at what size, or why not.
        lines: One a figure, by name.
    """

    against: str
    sentence: str
    lines: Mapping[str, RatioLine]


def variety_facts(manifest: Manifest) -> list[VarietyFacts]:
    """Return the comparisons of the dataset's variety, none where there were none."""
    return [
        VarietyFacts(
            against=against,
            sentence=_sentence(one),
            lines={name: _line(name, figure) for name, figure in one.get("figures", {}).items()},
        )
        for against, one in manifest.get("contrasts", {}).items()
    ]


def variety_plots(manifest: Manifest) -> list[tuple[VarietyFacts, Plot]]:
    """Return each comparison with a dot and its interval for each figure; 1 is equally varied."""
    return [
        (facts, _plot(facts, manifest["contrasts"][facts.against].get("figures", {})))
        for facts in variety_facts(manifest)
    ]


def absent_lines(manifest: Manifest) -> list[tuple[str, str]]:
    """Return (figure, why it is not there)."""
    absent = manifest.get("diversity_absent", {})
    return [(name, " ".join(str(why).split())) for name, why in absent.items()]


def _plot(facts: VarietyFacts, figures: Mapping[str, Any]) -> Plot:
    ends = [EQUAL]
    for figure in figures.values():
        known = [figure[key] for key in ("ratio", "low", "high") if figure[key] is not None]
        ends += [min(LARGEST_RATIO, end) for end in known]
    scale = scale_for(ends, least=0.0, most=LARGEST_RATIO)
    marks = [
        Mark(line=line, svg=_mark(line, figures[name], scale)) for name, line in facts.lines.items()
    ]
    return Plot(marks=tuple(marks), scale=ticks(scale, plain=True), words={})


def _mark(line: RatioLine, figure: Mapping[str, Any], scale: Scale) -> str:
    ratio = figure["ratio"]
    low, high = (ratio if figure[key] is None else figure[key] for key in ("low", "high"))
    label = f"{line.name}: {line.ratio} as varied"
    label += f", 95% interval {line.limits}" if line.limits else ""
    kind = "verdict-hurts" if line.is_lower else "control"
    return whisker(ratio, low, high, scale, kind=kind, label=label, line_at=EQUAL)


def _line(name: str, figure: Mapping[str, Any]) -> RatioLine:
    low, high, p = figure["low"], figure["high"], figure["p_holm"]
    return RatioLine(
        name=name,
        value=diversity_value(name, figure["value"]),
        other=diversity_value(name, figure["other"]),
        ratio=_ratio(figure["ratio"]),
        limits="" if low is None or high is None else f"{_ratio(low)} to {_ratio(high)}",
        p_value="" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}",
        is_lower=high is not None and high < EQUAL,
    )


def _ratio(ratio: float) -> str:
    return f"{ratio:.2f}×"


def _sentence(one: Mapping[str, Any]) -> str:
    source = one_line(one["source"], SOURCE_CHARS)
    if "why_not" in one:
        return f"Not compared with {source}: {one_line(one['why_not'], SOURCE_CHARS)}."
    rows = counted(one["rows"], "row")
    how = [f"{counted(one[key], 'question')} {word}" for key, word in HOW.items() if one[key]]
    return (
        f"Compared with {source}, at {rows} and {one['words']:,} words a side: 1× is as varied, "
        f"less is less varied. {one['permutations']:,} relabellings; {' and '.join(how)}."
    )

"""The report's charts as PNG, for slides, papers and MLflow."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.folder import FIGURES
from distill.record import RunRecord
from distill.report.arms import arm_lines, has_control
from distill.report.charts import binned
from distill.report.facts import Manifest, funnel_steps, scores
from distill.report.plots import SCORE_BINS
from distill.report.variety import EQUAL, LARGEST_RATIO
from distill.report.wording import count, one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Of the page's light theme.
INK, MUTED, OUT = "#1d1f23", "#5b6069", "#8d929b"
ACCENT, REAL, HURTS = "#1d6b86", "#a8610f", "#a3221b"
ROLES = {"student": ACCENT, "baseline": REAL, "control": OUT}
WIDTH_IN, ROW_IN, EDGES_IN = 7.5, 0.36, 1.3
HISTOGRAM_ROWS = 6
DPI = 150
NAME_CHARS = 40

Draw = Callable[["Axes"], None]


def write_figures(record: RunRecord, manifest: Manifest, folder: Path) -> None:
    """Draw the arms, the funnel, the judge's scores and the variety, as far as they are there.

    Nothing is drawn where a funnel that nothing fell out of is all there is to see.

    Args:
        record: Of a finished run.
        manifest: What `make_manifest` made of it.
        folder: The run's; they go where `folder.FIGURES` says.
    """
    drawn: dict[str, tuple[int, Draw]] = {
        "funnel": (len(manifest["funnel"]), lambda axes: _funnel(axes, record, manifest)),
    }
    if "eval" in manifest:
        drawn["arms"] = len(manifest["eval"]["arms"]), lambda axes: _arms(axes, manifest)
    judge, given = record.plan.judge, scores(record).to_list()
    if judge is not None and given:
        drawn["scores"] = (HISTOGRAM_ROWS, lambda axes: _scores(axes, given, judge.threshold))
    ratios = [
        (f"{name} / {against}", figure)
        for against, one in manifest.get("contrasts", {}).items()
        for name, figure in one.get("figures", {}).items()
    ]
    if ratios:
        drawn["diversity"] = (len(ratios), lambda axes: _diversity(axes, ratios))
    if len(drawn) == 1 and not any(manifest["rejected"].values()):
        return
    for name, (rows, draw) in drawn.items():
        path = folder / FIGURES[name]
        path.parent.mkdir(exist_ok=True)
        _save(path, rows, draw)


def _save(path: Path, rows: int, draw: Draw) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_IN, EDGES_IN + ROW_IN * rows), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK, labelsize=9)
    draw(axes)
    with warnings.catch_warnings():
        # A letter that the font lacks is drawn as a box.
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
        figure.savefig(path, format="png", dpi=DPI, metadata={"Software": None})


def _arms(axes: Axes, manifest: Manifest) -> None:
    figures, lines = manifest["eval"], arm_lines(manifest)
    for at, line in enumerate(lines):
        _whisker(axes, at, 100 * line.value, 100 * line.low, 100 * line.high, ROLES[line.role])
        if line.name == figures["baseline"] and has_control(manifest):
            axes.axvline(100 * line.value, color=MUTED, linestyle="--", linewidth=1, zorder=0)
    _name_rows(axes, [line.name for line in lines])
    metric = one_line(str(figures["metric"]).replace("_", " "), NAME_CHARS)
    n = count(figures["n"])
    axes.set_xlabel(
        f"{metric} on {n} real held-out items, %, with its 95% interval",
        fontsize=9,
        parse_math=False,
    )
    axes.set_title(
        f"{metric.capitalize()} by arm: {manifest['verdict']}",
        loc="left",
        fontsize=11,
        parse_math=False,
    )


def _funnel(axes: Axes, record: RunRecord, manifest: Manifest) -> None:
    steps = funnel_steps(record, manifest)
    at = range(len(steps))
    rows, lost = [step.rows for step in steps], [step.rows_lost for step in steps]
    axes.barh(at, rows, color=ACCENT, height=0.6, label="still in")
    axes.barh(at, lost, left=rows, color=OUT, height=0.6, label="fell out here")
    _name_rows(axes, [f"{step.name}: {count(step.rows)}" for step in steps])
    axes.set_xlabel("rows", fontsize=9)
    axes.set_title("Funnel", loc="left", fontsize=11)
    axes.legend(fontsize=8, frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=2)


def _scores(axes: Axes, given: Sequence[float], threshold: float) -> None:
    columns = binned(given, threshold, SCORE_BINS)
    left = [i / SCORE_BINS for i in range(SCORE_BINS)]
    below, above = [one for one, _ in columns], [one for _, one in columns]
    width = 0.9 / SCORE_BINS
    axes.bar(left, below, width, align="edge", color=OUT, label=f"{count(sum(below))} below")
    axes.bar(
        left, above, width, align="edge", bottom=below, color=ACCENT,
        label=f"{count(sum(above))} reach it",
    )  # fmt: skip
    axes.axvline(threshold, color=INK, linestyle="--", label=f"threshold {threshold:g}")
    axes.set_xlim(0, 1)
    axes.set_xlabel("the judge's score", fontsize=9)
    axes.set_ylabel("rows", fontsize=9)
    axes.set_title("The judge's scores", loc="left", fontsize=11)
    axes.legend(fontsize=8, frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=3)


def _diversity(axes: Axes, ratios: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    for at, (_, figure) in enumerate(ratios):
        ratio = figure["ratio"]
        ends = (ratio if figure[key] is None else figure[key] for key in ("low", "high"))
        value, low, high = (min(LARGEST_RATIO, one) for one in (ratio, *ends))
        lower = figure["high"] is not None and high < EQUAL
        _whisker(axes, at, value, low, high, HURTS if lower else OUT)
    axes.axvline(EQUAL, color=MUTED, linestyle="--", linewidth=1, zorder=0)
    axes.set_xlim(left=max(0.0, axes.get_xlim()[0]))
    _name_rows(axes, [name for name, _ in ratios])
    axes.set_xlabel("variety against the other side, 1 is as varied; 95% intervals", fontsize=9)
    axes.set_title("Diversity beside other texts", loc="left", fontsize=11)


def _whisker(axes: Axes, at: int, value: float, low: float, high: float, colour: str) -> None:
    spread = [[max(0.0, value - low)], [max(0.0, high - value)]]
    axes.errorbar(value, at, xerr=spread, fmt="o", color=colour, capsize=4)


def _name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Name the rows, the first on top; a name is no formula."""
    shown = [one_line(name, NAME_CHARS) for name in names]
    axes.set_yticks(range(len(names)), shown, parse_math=False)
    axes.set_ylim(len(names) - 0.5, -0.5)

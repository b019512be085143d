"""A calibration to look at: one HTML file that asks nothing of the network.

Style sheet and charts are the report's own, so that both read alike.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from distill.calibrate import sentences
from distill.calibrate.gate import failures
from distill.calibrate.result import Calibration
from distill.report import wording
from distill.report.charts import Scale, scale_for, ticks, whisker
from distill.report.html import Charted, environment
from distill.statistics import Interval

TEMPLATES = Path(__file__).parent / "templates"
NAME_CHARS = 80
LINE_CHARS = 160
TEXT_CHARS = 4000
# Answers on which judge and human differ, of either kind.
SHOWN_ROWS = 15
FILTERS = {
    "count": wording.count,
    "excerpt": partial(wording.excerpt, max_chars=TEXT_CHARS),
    "line": partial(wording.one_line, max_chars=LINE_CHARS),
}


def render(made: Calibration) -> str:
    """Return the page as HTML."""
    html = (
        environment(FILTERS, TEMPLATES)
        .get_template("calibration.html.j2")
        .render(
            c=made,
            name=wording.one_line(made.judge, NAME_CHARS),
            source=wording.source_name(made.labels.records.source),
            verdict=sentences.verdict(made),
            passed=not failures(made),
            said=[*failures(made), *sentences.notes(made)],
            rule=sentences.gate_rule(),
            rates=_rates(made),
            thresholds=_thresholds(made),
            threshold_words=sentences.threshold_words(made),
            roc=_roc(made),
            accuracy=_accuracy(made),
            accuracy_words=sentences.accuracy_words(made),
            biases=[
                ("Verbosity", sentences.verbosity_words(made)),
                ("Self-preference", sentences.self_preference_words(made)),
                ("Position", sentences.position_words(made)),
                ("Repeats", sentences.repeats_words(made)),
            ],
            false_keeps=_rows(made.rows.filter(pl.col("kept") & ~pl.col("right")), descending=True),
            false_drops=_rows(
                made.rows.filter(~pl.col("kept") & pl.col("right")), descending=False
            ),
            cost=wording.usd(made.spend.cost_usd),
        )
    )
    # Whatever came out of the file: no control character and no half letter is left.
    return wording.visible(html)


def _rows(rows: pl.DataFrame, *, descending: bool) -> list[dict[str, Any]]:
    """Return the answers that the judge was surest of."""
    return rows.sort("score", "id", descending=[descending, False]).head(SHOWN_ROWS).to_dicts()


def _rates(made: Calibration) -> tuple[list[Charted], str]:
    cells = made.confusion
    rates = {
        "Error rate": cells.error_rate,
        "False keep, of the wrong": cells.false_keep_rate,
        "False drop, of the right": cells.false_drop_rate,
        "Sensitivity (recall)": cells.sensitivity,
        "Specificity": cells.specificity,
        "Precision": cells.precision,
        "Area under the ROC curve": made.area,
    }
    scale = Scale(0.0, 1.0, 0.25)
    return [_charted(name, one, scale) for name, one in rates.items()], ticks(scale)


def _charted(name: str, one: Interval | None, scale: Scale, *, line_at: float = 0.0) -> Charted:
    return Charted(
        name=name, cells=(sentences.share_words(one),), svg=_whisker(name, one, scale, line_at)
    )


def _whisker(
    name: str, one: Interval | None, scale: Scale, line_at: float, kind: str = "student"
) -> str:
    if one is None:
        return ""
    label = f"{name}: {sentences.share_words(one)}"
    return whisker(one.value, one.low, one.high, scale, kind=kind, label=label, line_at=line_at)


def _thresholds(made: Calibration) -> tuple[list[Charted], str]:
    shown = [line.precision for line in made.lines if line.precision is not None]
    ends = [end for one in shown for end in (one.low, one.high)]
    scale = scale_for([*ends, made.precision], least=0.0)
    rows = []
    for line in made.lines:
        chosen = made.recommended is not None and line == made.recommended.line
        name = f"{line.threshold:.4g}"
        shares = (sentences.share_words(line.precision), sentences.share_words(line.recall))
        svg = _whisker(
            f"Precision at {name}",
            line.precision,
            scale,
            made.precision,
            kind="student" if chosen else "control",
        )
        cells = (wording.count(line.kept), *shares)
        rows.append(Charted(name=name, cells=cells, svg=svg, chosen=chosen))
    return rows, ticks(scale)


def _accuracy(made: Calibration) -> tuple[list[Charted], str]:
    found = made.accuracy
    named = {
        "Judge alone": found.naive,
        "Labels alone": found.human_only,
        "Corrected": found.corrected,
    }
    known = [one for one in named.values() if one is not None]
    scale = scale_for([end for one in known for end in (one.low, one.high)], least=0.0)
    line_at = found.human_only.value
    return [
        _charted(name, one, scale, line_at=line_at)
        for name, one in named.items()
        if one is not None
    ], ticks(scale)


def _roc(made: Calibration) -> str:
    """Return the curve in a square of 100 by 100, its lines as thick at any size."""
    if not made.roc:
        return ""
    points = " ".join(f"{100 * x:.2f},{100 - 100 * y:.2f}" for x, y, _ in made.roc)
    area = "" if made.area is None else f", area {made.area.value:.3f}"
    return (
        f'<svg class="roc" viewBox="-1 -1 102 102" role="img" aria-label="ROC curve{area}">'
        '<rect class="frame" x="0" y="0" width="100" height="100"/>'
        '<line class="reference" x1="0" y1="100" x2="100" y2="0"/>'
        f'<polyline class="curve" points="{points}"/></svg>'
    )

"""A comparison to look at: one HTML file that asks nothing of the network.

Style sheet and charts are the report's own, so that both read alike.
"""

from __future__ import annotations

from pathlib import Path

from distill.compare.comparison import Comparison
from distill.compare.diversity import DiversityFigure
from distill.compare.heldout import HeldoutCompared
from distill.compare.lines import (
    cost_of,
    number,
    paired,
    setting_lines,
    shift,
    why_words,
)
from distill.compare.sentences import p_words, what_can_be_said, what_cannot
from distill.compare.terminal import compared_words, sample_words
from distill.costs import ROLES
from distill.errors import UserError
from distill.paths import write_text
from distill.report import wording
from distill.report.charts import Scale, bar, scale_for, ticks, whisker
from distill.report.html import Charted, environment
from distill.statistics import ALPHA, Interval, verdict

TEMPLATES = Path(__file__).parent / "templates"
NAME_CHARS = 80
ID_CHARS = 120
TEXT_CHARS = 4000
VALUE_CHARS = 2000
FILTERS = {
    "count": wording.count,
    "percent": wording.percent,
    "why": why_words,
    "excerpt": lambda text: wording.excerpt(text, TEXT_CHARS),
    "value": lambda text: wording.excerpt(text, VALUE_CHARS),
    "line": lambda text: wording.one_line(text, ID_CHARS),
}


def write_page(c: Comparison, path: Path) -> None:
    """Write the page.

    Args:
        c: What it shows.
        path: Of the file; replaced whole.

    Raises:
        UserError: the file cannot be written.
    """
    html = render(c)
    try:
        write_text(path, html)
    except OSError as error:
        raise UserError(
            f"--html: got {str(path)!r}, want a file that can be written ({error.strerror})."
        ) from error


def render(c: Comparison) -> str:
    """Return the page as HTML."""
    heldout = None if isinstance(c.heldout, str) else c.heldout
    page = environment(FILTERS, TEMPLATES).get_template("compare.html.j2")
    html = page.render(
        c=c,
        names=[wording.one_line(side.name, NAME_CHARS) for side in (c.a, c.b)],
        runs=(c.a.figures, c.b.figures),
        identity=_identity(c),
        said=what_can_be_said(c),
        unsaid=what_cannot(c),
        settings=setting_lines(c, shapes_dataset=True),
        other_settings=setting_lines(c, shapes_dataset=False),
        funnel=_funnel(c),
        rejected=_rejected(c),
        models=_models(c),
        costs=[wording.usd(cost_of(side.figures)) for side in (c.a, c.b)],
        diversity=_diversity(c),
        sample=sample_words(c) if c.diversity.permutations else "",
        heldout=heldout,
        students=None if heldout is None else _students(heldout),
        difference=None if heldout is None else _difference(heldout),
        compared="" if heldout is None else compared_words(heldout),
    )
    # Whatever came out of the two folders: no control character and no half letter is left.
    return wording.visible(html)


def _identity(c: Comparison) -> list[tuple[str, str, str, bool]]:
    """Return (what, A's, B's, whether they are the same) of what tells runs apart."""
    a, b = c.a.figures, c.b.figures
    pairs = [
        ("Run", a.run_id, b.run_id),
        ("Dataset SHA-256", a.dataset_sha256, b.dataset_sha256),
        ("Config SHA-256", a.config_sha256, b.config_sha256),
    ]
    for name in c.inputs:
        left, right = a.inputs.get(name), b.inputs.get(name)
        told = [("–" if one is None else one.digest) for one in (left, right)]
        pairs.append((f"{name.capitalize()} SHA-256", told[0], told[1]))
    pairs.append(("Started", a.started_at, b.started_at))
    pairs += [(name, left or "–", right or "–") for name, (left, right) in c.versions.items()]
    pairs += [(f"code of {key}", a.implementation[key], b.implementation[key]) for key in c.code]
    return [(what, one, other, one == other) for what, one, other in pairs]


def _funnel(c: Comparison) -> list[Charted]:
    stages = paired(c.a.figures.funnel, c.b.figures.funnel)
    most = max((rows or 0 for pair in stages.values() for rows in pair), default=0) or 1
    return [
        Charted(
            name=name,
            cells=(number(a), number(b), shift(a, b)),
            svg=bar([((a or 0) / most, "in")]) + bar([((b or 0) / most, "real")]),
        )
        for name, (a, b) in stages.items()
    ]


def _rejected(c: Comparison) -> list[tuple[str, str, str, str]]:
    reasons = paired(c.a.figures.rejected, c.b.figures.rejected)
    return [(name, number(a), number(b), shift(a, b)) for name, (a, b) in reasons.items() if a or b]


def _models(c: Comparison) -> list[tuple[str, str, list[str]]]:
    """Return (role, side, cells) of each model."""
    lines = []
    for role in ROLES:
        for name, side in (("A", c.a), ("B", c.b)):
            spent = getattr(side.figures, role)
            if spent is None:
                continue
            cells = [spent.model, ", ".join(spent.served) or "–"]
            cells += [number(spent.requests), number(spent.cached), number(spent.failed)]
            cells += [number(spent.input_tokens), number(spent.output_tokens)]
            cells.append(wording.usd(spent.cost_usd))
            lines.append((role, name, [wording.one_line(cell, ID_CHARS) for cell in cells]))
    return lines


def _diversity(c: Comparison) -> tuple[list[Charted], str]:
    """Return a row a figure, and the scale below them."""
    figures = c.diversity.figures
    ends = [end - 1 for one in figures for end in (one.low, one.high) if end is not None]
    scale = scale_for([*ends, 0.0])
    rows = [Charted(name=one.name, cells=_cells(one), svg=_ratio(one, scale)) for one in figures]
    return rows, ticks(scale, signed=True) if ends else ""


def _cells(one: DiversityFigure) -> tuple[str, ...]:
    own = ", ".join(_plain(value) for value in (one.own_a, one.own_b))
    limits = "–" if one.low is None or one.high is None else f"{one.low:.3f} to {one.high:.3f}"
    p = "–" if one.p_holm is None else p_words(one.p_holm).removeprefix("p ").removeprefix("= ")
    ratio = "–" if one.ratio is None else f"{one.ratio:.3f}"
    return own, _plain(one.a), _plain(one.b), ratio, limits, p


def _ratio(one: DiversityFigure, scale: Scale) -> str:
    if one.ratio is None or one.low is None or one.high is None:
        return ""
    shown = one.p_holm is not None and one.p_holm < ALPHA
    label = f"{one.name}: B is {one.ratio:.3f} of A, 95% interval {one.low:.3f} to {one.high:.3f}"
    kind = "student" if shown else "control"
    ends = (one.ratio - 1, one.low - 1, one.high - 1)
    return whisker(*ends, scale, kind=kind, label=label, line_at=0.0)


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _students(found: HeldoutCompared) -> tuple[list[Charted], str]:
    """Return both students with their intervals, and the scale below them."""
    sides = (("A", found.arms[0], found.a), ("B", found.arms[1], found.b))
    scale = scale_for([end for _, _, one in sides for end in (one.low, one.high)], least=0.0)
    rows = [
        Charted(
            name=f"{name}: {arm}",
            cells=(wording.percent(one.value), wording.interval(one.low, one.high)),
            svg=_student(name, one, scale, found.a.value),
        )
        for name, arm, one in sides
    ]
    return rows, ticks(scale)


def _student(name: str, one: Interval, scale: Scale, line_at: float) -> str:
    label = f"{name}: {wording.percent(one.value)}, {wording.interval(one.low, one.high)}"
    kind = "student" if name == "A" else "baseline"
    return whisker(one.value, one.low, one.high, scale, kind=kind, label=label, line_at=line_at)


def _difference(found: HeldoutCompared) -> tuple[str, str]:
    """Return the chart of B minus A and its scale."""
    test = found.test
    scale = scale_for([test.low, test.high, 0.0])
    spread = f"{wording.points(test.low)} to {wording.points(test.high)}"
    label = f"B minus A: {wording.points(test.difference)}, 95% interval {spread}"
    kind = f"verdict-{verdict(test)}"
    ends = (test.difference, test.low, test.high)
    return whisker(*ends, scale, kind=kind, label=label, line_at=0.0), ticks(scale, signed=True)

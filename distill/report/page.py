"""The report to look at: one HTML file that asks nothing of the network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.config import to_yaml
from distill.costs import ROLES, total_cost_usd
from distill.judge_calibration import calibration_sentence
from distill.paths import write_text
from distill.record import RunRecord
from distill.report import wording
from distill.report.again import curve_plot, seeds_sentence
from distill.report.arms import has_control
from distill.report.beside import beside_lines, control_sentences
from distill.report.breakdown import breakdown_plots
from distill.report.collapse import collapse_plots
from distill.report.cost import cost_notes
from distill.report.examples import Shown, dropped, kept, nearest, reviewed
from distill.report.facts import (
    Manifest,
    abstention_sentence,
    diversity_lines,
    evaluates_alone,
    judge_kind,
    run_name,
    student_name,
    synthetic_share,
    unscored_share,
)
from distill.report.findings import guard_lines
from distill.report.html import environment
from distill.report.limits import doubts, limits
from distill.report.markdown import TEMPLATES
from distill.report.marks import mark_sentences
from distill.report.plots import (
    arms_plot,
    difference_plot,
    funnel_plot,
    labels_plot,
    scores_plot,
)
from distill.report.students import pair_lines, student_sentences
from distill.report.synthetic import gap_sentences
from distill.report.variety import absent_lines, variety_plots
from distill.statistics import verdict_rule

SHOWN_EXAMPLES = 20
CONFIG_CHARS = 60_000
SEARCH = "search.js"
INPUTS = {
    "seeds": "Seeds",
    "heldout": "Held-out",
    "synthetic_heldout": "Synthetic held-out",
}
FILTERS = {
    "count": wording.count,
    "duration": wording.duration,
    "percent": wording.percent,
    "usd": wording.usd,
}


@dataclass(frozen=True, kw_only=True)
class Group:
    """Rows to read that belong together.

    Args:
        id: Of its heading, to link to.
        heading: What they are.
        sentence: How they were chosen.
        rows: The rows.
    """

    id: str
    heading: str
    sentence: str
    rows: list[Shown]


def write_report(record: RunRecord, manifest: Mapping[str, Any], path: Path) -> None:
    """Write the report, one HTML file with its charts in it.

    Args:
        record: Of a finished run.
        manifest: What `make_manifest` made of it.
        path: Of the file; replaced whole.
    """
    plan = record.plan
    script = (TEMPLATES / SEARCH).read_text(encoding="utf-8")
    page = environment(FILTERS).get_template("report.html.j2")
    html = page.render(
        name=wording.one_line(run_name(record), 80),
        record=record,
        manifest=manifest,
        subtitle=_subtitle(record, manifest),
        verdict_word=manifest["verdict"].capitalize(),
        doubts_heading=_doubts_heading(manifest),
        doubts=doubts(record, manifest),
        limits=limits(record, manifest),
        tiles=_tiles(record, manifest),
        arms=arms_plot(manifest),
        difference=difference_plot(manifest),
        rule=verdict_rule(),
        beside=beside_lines(manifest),
        controls=control_sentences(manifest),
        breakdowns=breakdown_plots(manifest),
        curve=curve_plot(manifest),
        seeds=seeds_sentence(manifest),
        gap=gap_sentences(manifest),
        students=student_sentences(manifest),
        pairs=pair_lines(manifest),
        marks=mark_sentences(manifest),
        funnel=funnel_plot(record, manifest),
        abstention=abstention_sentence(manifest),
        scores=scores_plot(record),
        judge_kind=judge_kind(record),
        calibration=calibration_sentence(manifest.get("judge_calibration")),
        labels=labels_plot(record),
        diversity=diversity_lines(manifest),
        varieties=variety_plots(manifest),
        absent=absent_lines(manifest),
        varied=plan.task.varied,
        collapse=collapse_plots(manifest.get("collapse")),
        collapse_source=wording.visible(manifest.get("collapse", {}).get("source", "")),
        guards=guard_lines(record),
        spends={role: manifest[role] for role in ROLES if role in manifest},
        total_cost_usd=total_cost_usd(manifest),
        cost_notes=cost_notes(manifest),
        groups=_groups(record, manifest),
        waiting=record.review.height,
        config=wording.excerpt(to_yaml(plan.config), CONFIG_CHARS),
        provenance=_provenance(manifest),
        script=script,
        script_sha256=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    # Names come from outside too, such as those of the models that answered.
    write_text(path, wording.visible(html))


def _subtitle(record: RunRecord, manifest: Manifest) -> str:
    plan = record.plan
    student = student_name(record) or ""
    if evaluates_alone(record):
        parts = [f"{plan.task.name}: {student or 'nothing'} is evaluated"]
    else:
        parts = [f"{plan.task.name}: {plan.teacher.model} teaches {student}".rstrip()]
    if "judge" in manifest and not evaluates_alone(record):
        parts.append(f"{manifest['judge']['model']} judges")
    parts.append(manifest["started_at"][:10])
    return wording.visible(" · ".join(filter(None, parts)))


def _groups(record: RunRecord, manifest: Manifest) -> list[Group]:
    """Return the rows to read; groups that cannot have any are left out."""
    table, judge = record.table, record.plan.judge
    of_all = f"of {wording.counted(manifest['rows'], 'row')}, evenly spaced through the dataset."
    groups = [_group("kept", "Kept", of_all, kept(table, SHOWN_EXAMPLES))]
    fell = sum(manifest["rejected"].values())
    of_all = f"of {wording.counted(fell, 'row')} that fell out, as many of each reason as possible."
    groups.append(_group("dropped", "Dropped", of_all, dropped(table, SHOWN_EXAMPLES)))
    if judge is not None:
        near = nearest(table, judge.threshold, SHOWN_EXAMPLES)
        told = f"rows whose scores lie nearest to the threshold {judge.threshold:g}, on both sides."
        groups.append(_group("nearest", "Nearest to the threshold", told, near))
    waiting = record.review.height
    if waiting:
        of_all = f"of {wording.counted(waiting, 'row')} in review.jsonl, for a human to look at."
        shown = reviewed(record.review, SHOWN_EXAMPLES)
        groups.append(_group("review", "Waiting for review", of_all, shown))
    return groups


def _group(name: str, heading: str, sentence: str, rows: list[Shown]) -> Group:
    words = f"{wording.count(len(rows))} {sentence}" if rows else "There are none."
    return Group(id=name, heading=heading, sentence=words, rows=rows)


def _doubts_heading(manifest: Manifest) -> str:
    if manifest["verdict"] != "inconclusive":
        return "What could overturn it"
    return "What stands in the way of a verdict" if "eval" in manifest else "What a verdict lacks"


def _tiles(record: RunRecord, manifest: Manifest) -> list[tuple[str, str, str]]:
    """Return (heading, figure, what stands beside it) of the key figures."""
    rows, real = manifest["rows"], manifest["real_rows"]
    parts = f"{real:,} real, {rows - real:,} from the teacher" if real else "all from the teacher"
    tiles = [("Rows in the dataset", wording.count(rows), parts if rows else "nothing was kept")]
    tiles = [] if evaluates_alone(record) else tiles
    made_up = synthetic_share(manifest)
    if made_up:
        synthetic = wording.counted(manifest["synthetic_rows"], "row")
        tiles.append(("Synthetic questions", wording.percent(made_up), synthetic))
    figures = manifest.get("eval")
    if figures is not None:
        metric = str(figures["metric"]).replace("_", " ")
        limits_of = wording.interval(figures["low"], figures["high"])
        beside = f"95% interval {limits_of}, n = {figures['n']:,}"
        tiles.append((f"Student's {metric}", wording.percent(figures["accuracy"]), beside))
    if figures is not None and has_control(manifest):
        test = figures["comparison"]
        spread = f"{wording.points(test['low'])} to {wording.points(test['high'])}"
        heading = f"Against {figures['baseline']}"
        tiles.append((heading, wording.points(test["difference"]), f"95% interval {spread}"))
    answered = manifest["funnel"]["generated"] - real
    if answered > 0:
        share = wording.percent((rows - real) / answered)
        tiles.append(("Teacher's answers kept", share, f"of {answered:,}"))
    unscored = unscored_share(record, manifest)
    if unscored is not None and ("judge" in manifest or unscored):
        tiles.append(("Unscored by the judge", wording.percent(unscored), "they fall out"))
    asked, cached = (
        sum(manifest[role][key] for role in ROLES if role in manifest)
        for key in ("requests", "cached")
    )
    beside = wording.counted(asked, "request")
    beside += f", {wording.count(cached)} more from the ledger" if cached else ""
    return [*tiles, ("Cost", wording.usd(total_cost_usd(manifest)), beside)]


def _provenance(manifest: Manifest) -> list[tuple[str, str]]:
    """Return (what, value) of everything that tells this run from any other."""
    inputs = manifest["inputs"]
    versions = manifest.get("versions", {"distill": manifest["distill_version"]})
    facts = [
        ("Run", manifest["run_id"] or "not tracked"),
        ("Started (UTC)", manifest["started_at"]),
        ("Ended (UTC)", manifest["ended_at"]),
        ("Dataset, SHA-256", manifest["dataset_sha256"]),
        ("Config, SHA-256", manifest["config_sha256"]),
    ]
    for name, one in inputs.items():
        title = INPUTS.get(name, name)
        rows = wording.counted(one["rows"], "row")
        facts.append((title, f"{wording.source_name(one['source'])}, {rows}"))
        facts.append((f"{title}, SHA-256", one["sha256"]))
    facts += [(f"Version of {name}", str(version)) for name, version in versions.items()]
    return [(what, wording.visible(value)) for what, value in facts]

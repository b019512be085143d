"""The end of a run on the terminal: what came out of it, readable without colour."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from distill.config import without_secrets
from distill.costs import ROLES, total_cost_usd
from distill.folder import HANDOVER
from distill.manifest import make_manifest
from distill.record import RunRecord
from distill.report.arms import ArmLine, arm_lines, has_control
from distill.report.cost import cost_notes
from distill.report.facts import (
    Manifest,
    empty_sentence,
    evaluates_alone,
    funnel_steps,
    rejected_words,
    run_name,
    student_name,
)
from distill.report.findings import guard_lines, guards_with
from distill.report.marks import mark_sentences
from distill.report.plain import print_plainly
from distill.report.students import student_sentences
from distill.report.synthetic import gap_sentences
from distill.report.wording import (
    count,
    counted,
    duration,
    interval,
    listed,
    one_line,
    percent,
    usd,
)

SHOWN_EVIDENCE = 5
EVIDENCE_CHARS = 160
SENTENCE_CHARS = 600
ROOMY = 72  # columns from which on bars have room beside the words
FUNNEL_CELLS = 16
ARM_CELLS = 20
INDENT = (0, 0, 0, 2)
NOTABLE_S = 0.1
LABEL_CELLS = 9
COST_COLUMNS = {
    "requests": "requests",
    "cached": "cached",
    "failed": "failed",
    "input_tokens": "tokens in",
    "output_tokens": "tokens out",
}
STYLES = {"helps": "bold green", "hurts": "bold red", "inconclusive": "bold yellow"}


def print_summary(record: RunRecord, console: Console) -> None:
    """Print funnel, arms, cost, guards that warned, the verdict, and where it all lies.

    Args:
        record: Of a finished run.
        console: Where to print; only an address that is itself longer than a line goes beyond
            its width, because an address that is broken cannot be copied.
    """
    print_plainly(partial(_print, record), console)


def _print(record: RunRecord, console: Console) -> None:
    manifest = make_manifest(record)
    roomy = console.width >= ROOMY
    empty = empty_sentence(record, manifest)
    funnel = [
        *_block("Funnel", _funnel(record, manifest, roomy=roomy)),
        *([Padding(Text(empty, style="bold yellow"), INDENT, expand=False)] if empty else []),
    ]
    for block in (
        _title(record, manifest),
        *(() if evaluates_alone(record) else funnel),
        *_arms(manifest, roomy=roomy),
        *_block("Cost", _cost(manifest, roomy=roomy)),
        *_block("Guards", Group(*_guards(record))),
        *_handed_over(record),
        Text(f"\nVerdict: {manifest['verdict']}", style=STYLES[manifest["verdict"]]),
        Padding(Text(one_line(manifest["verdict_reason"], SENTENCE_CHARS)), INDENT, expand=False),
        Text(),
    ):
        console.print(block)
    for line in _addresses(record, console.width):
        console.print(line, soft_wrap=True, highlight=False)


def _block(heading: str, body: RenderableType) -> tuple[Text, Padding]:
    return Text(f"\n{heading}", style="bold"), Padding(body, INDENT, expand=False)


def _title(record: RunRecord, manifest: Manifest) -> Text:
    plan = record.plan
    teacher = one_line(plan.teacher.model, EVIDENCE_CHARS)
    names = [] if evaluates_alone(record) else [teacher]
    if names and "judge" in manifest:
        names[0] += f", judged by {one_line(manifest['judge']['model'], EVIDENCE_CHARS)}"
    student = student_name(record)
    if student is not None:
        names.append(student)
    name = one_line(run_name(record), EVIDENCE_CHARS)
    return Text.assemble(
        "\n", (name, "bold"), (f" · {plan.task.name} · {' → '.join(names)}", "dim")
    )


def _funnel(record: RunRecord, manifest: Manifest, *, roomy: bool) -> Table:
    table = _columns("", "", "<", "") if roomy else _columns("", "", "")
    most = max(manifest["funnel"].values()) or 1
    for step in funnel_steps(record, manifest):
        lost = f"-{count(step.rows_lost)}: {rejected_words(step.lost)}" if step.rows_lost else ""
        words = Text("; ".join(filter(None, (lost, step.note))), style="dim")
        bar = Text("━" * round(FUNNEL_CELLS * step.rows / most), style="cyan")
        rows = Text(count(step.rows))
        table.add_row(Text(step.name), rows, *([bar] if roomy else []), words)
    return table


def _arms(manifest: Manifest, *, roomy: bool) -> tuple[RenderableType, ...]:
    lines = arm_lines(manifest)
    if not lines:
        return ()
    figures = manifest["eval"]
    table = _columns("", ">", ">", ">", *(["<"] if roomy else []), header=True)
    metric = str(figures["metric"]).replace("_", " ")
    axis = f"0%{'100%':>{ARM_CELLS - 2}}"
    for column, name in zip(
        table.columns, ("arm", "examples", metric, "95% interval", axis), strict=False
    ):
        column.header = Text(name, style="dim")
    for line in lines:
        table.add_row(*_arm(line, roomy=roomy), style="bold" if line.role == "student" else "")
    table.columns[0].overflow = "fold"
    heading = f"Held-out {metric}, {counted(figures['n'], 'real item')}"
    notes = [
        _compared(manifest),
        *student_sentences(manifest),
        *mark_sentences(manifest),
        *gap_sentences(manifest),
    ]
    return _block(heading, Group(table, *(Text(note, style="dim") for note in notes)))


def _arm(line: ArmLine, *, roomy: bool) -> list[Text]:
    examples = "" if line.examples is None else count(line.examples)
    limits = interval(line.low, line.high)
    cells = [line.name, examples, percent(line.value), limits]
    return [*(Text(cell) for cell in cells), *([_whisker(line)] if roomy else [])]


def _whisker(line: ArmLine) -> Text:
    """Return a bar to the lower limit, a thin one to the upper limit, a dot at the value."""
    low, at, high = (
        min(ARM_CELLS - 1, int(ARM_CELLS * share)) for share in (line.low, line.value, line.high)
    )
    cells = ["━"] * low + ["─"] * (high - low + 1)
    cells[at] = "●"
    return Text("".join(cells), style="cyan")


def _compared(manifest: Manifest) -> str:
    figures = manifest["eval"]
    baseline = figures["baseline"] if has_control(manifest) else "nothing, for lack of a control"
    told = f"Delivered: {figures['arm']}. Measured against: {baseline}."
    if not has_control(manifest):
        return told
    smallest = figures["comparison"]["minimum_detectable"]
    if smallest is None:
        return f"{told} No true difference would be found 80% of the time."
    return f"{told} A true difference of {100 * smallest:.1f} pp would be found 80% of the time."


def _cost(manifest: Manifest, *, roomy: bool) -> Group:
    names = COST_COLUMNS if roomy else {key: COST_COLUMNS[key] for key in ("requests", "cached")}
    table = _columns("", *[">"] * len(names), ">", header=True)
    for column, name in zip(table.columns, ("", *names.values(), "cost"), strict=True):
        column.header = Text(name, style="dim")
    roles = [role for role in ROLES if role in manifest]
    for role in roles:
        spent = manifest[role]
        table.add_row(role, *(count(spent[key]) for key in names), usd(spent["cost_usd"]))
    if len(roles) > 1:
        table.add_row("together", *[""] * len(names), usd(total_cost_usd(manifest)))
    notes = [Text(note, style="dim") for note in cost_notes(manifest)]
    return Group(table, *notes, *_times(manifest["time"]))


def _times(time_s: Mapping[str, float]) -> Iterator[Text]:
    slow = [f"{stage} {duration(time)}" for stage, time in time_s.items() if time >= NOTABLE_S]
    if slow:
        yield Text(f"time: {duration(sum(time_s.values()))} ({listed(slow, 12)})", style="dim")


def _guards(record: RunRecord) -> Iterator[RenderableType]:
    if not record.guards:
        yield Text("none were on (guard=none)")
        return
    passed, off = guards_with(record, "pass"), guards_with(record, "off")
    unsure, idle = guards_with(record, "unsure"), guards_with(record, "idle")
    words = [f"{len(passed)} passed"]
    words += [f"{len(unsure)} could not tell"] if unsure else []
    words += [f"{len(idle)} had nothing to look at"] if idle else []
    yield Text("; ".join([", ".join(words), *([f"off: {listed(off)}"] if off else [])]))
    for line in guard_lines(record, most_rows=SHOWN_EVIDENCE):
        if line.status == "unsure":
            yield Text(f"{line.word} {line.name}: {line.sentence}", style="dim")
        if line.status not in {"warn", "fail"}:
            continue
        yield Text.assemble((f"{line.status} {line.name}: ", "bold yellow"), line.sentence)
        rows = [*line.rows]
        rows += [f"… and {count(line.more_rows)} more (manifest.json)"] if line.more_rows else []
        rows += [f"hint: {line.hint}"] if line.hint else []
        yield from (Padding(Text(row, style="dim"), INDENT) for row in rows)


def _handed_over(record: RunRecord) -> tuple[RenderableType, ...]:
    """Say what was handed over, and what is wrong with it."""
    if not record.handed_over:
        return ()
    lines = [
        Text.assemble((f"warn {name}: ", "bold yellow"), fault)
        for name, given in record.handed_over.items()
        for fault in given.faults
    ]
    places = listed([name for name, given in record.handed_over.items() if given.files])
    return _block("Handed over", Group(Text(f"to {places or 'nobody'} ({HANDOVER}/)"), *lines))


def _addresses(record: RunRecord, width: int) -> Iterator[Text]:
    out = record.plan.out
    here = Path.cwd()
    shown = out.relative_to(here) if out.is_absolute() and out.is_relative_to(here) else out
    yield from _address("Report", str(shown / "report.html"), width)
    if record.review.height:
        yield from _address("Review", str(shown / "review.jsonl"), width)
    tracking: dict[str, Any] = record.plan.config.get("tracking") or {}
    uri = str(without_secrets(tracking.get("uri") or ""))
    if uri.startswith("sqlite:"):
        command = f"mlflow ui --backend-store-uri {shlex.quote(uri)}"
        yield from _address("Compare", command, width)
    elif uri.startswith(("http:", "https:")):
        yield from _address("Compare", uri, width)


def _address(label: str, address: str, width: int) -> Iterator[Text]:
    """Yield an address beside its label, or below it where the line is too short for both."""
    head, body = Text(label, style="bold"), Text(address)
    if LABEL_CELLS + body.cell_len <= width:
        yield Text.assemble(head, " " * (LABEL_CELLS - len(label)), body)
    else:
        yield from (head, body)


def _columns(*justify: str, header: bool = False) -> Table:
    table = Table(box=None, show_header=header, padding=(0, 2, 0, 0), pad_edge=False)
    for way in justify:
        table.add_column(justify="right" if way == ">" else "left")
    return table

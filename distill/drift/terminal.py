"""A check on the terminal: the verdict first, then the figures, then what changed most."""

from __future__ import annotations

from functools import partial

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from distill.drift.answers import Asked
from distill.drift.check import Drift, said
from distill.drift.moved import excerpts, most_moved, shown_replies
from distill.drift.sentences import NAMES, effect, said_of, verdict
from distill.report.plain import print_plainly
from distill.report.wording import counted, one_line, usd

INDENT = (0, 0, 0, 2)
QUESTION_CHARS = 160
LABEL_CHARS = 60


def print_drift(made: Drift, console: Console) -> None:
    """Print a check.

    Args:
        made: What is printed.
        console: Where; no line is wider than it.
    """
    print_plainly(partial(_print, made), console)


def _print(made: Drift, console: Console) -> None:
    style = "bold red" if made.drifted else "bold green"
    console.print(Text(f"\n{verdict(made)}", style=style))
    for note in said_of(made):
        console.print(Padding(Text(note), INDENT, expand=False))
    size = f"{counted(len(made.asked), 'question')} × {made.samples} samples"
    console.print(Text(f"\nWhat moved, {size}", "bold"))
    console.print(Padding(_figures(made), INDENT, expand=False))
    changed = most_moved(made)
    if changed:
        console.print(Text("\nChanged most", style="bold"))
    for one, _ in changed:
        console.print(Padding(Text(one_line(one.question, QUESTION_CHARS), "dim"), INDENT))
        console.print(Padding(_then_and_now(one, made), (0, 0, 1, 2), expand=False))
    spend = made.spend
    before = f", {spend.cached} more were paid for before" if spend.cached else ""
    console.print(
        Text(f"\nCost: {usd(spend.cost_usd)} for {counted(spend.requests, 'request')}{before}.")
    )


def _figures(made: Drift) -> Text | Table:
    if not made.shifts:
        return Text("nothing: all replies to each question are the same, then and now")
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("")
    for name in ("moved by", "p", "p adjusted"):
        table.add_column(name, justify="right")
    for shift in made.shifts:
        cells = [
            NAMES[shift.name],
            effect(shift, made.task),
            f"{shift.p_value:.4f}",
            f"{shift.p_holm:.4f}",
        ]
        table.add_row(*map(Text, cells), style="bold" if shift.found else "")
    return table


def _then_and_now(one: Asked, made: Drift) -> Table:
    """Return what was said, one under the other: answers are wide."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    if made.task == "classify":
        cells = [
            ", ".join(
                f"{one_line(label, LABEL_CHARS)} × {n}" for label, n in said(side).most_common()
            )
            for side in (one.then, one.now)
        ]
    else:
        cells = list(excerpts(*shown_replies(one)))
    for name, cell in zip(("then", "now"), cells, strict=True):
        table.add_row(name, Text(cell))
    return table

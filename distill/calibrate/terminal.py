"""A calibration on the terminal: the verdict first, then the figures, then what to do."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from distill.calibrate.gate import failures
from distill.calibrate.result import Calibration
from distill.calibrate.sentences import (
    accuracy_words,
    gate_rule,
    kappa,
    notes,
    position_words,
    repeats_words,
    self_preference_words,
    share_words,
    threshold_words,
    verbosity_words,
    verdict,
)
from distill.calibrate.thresholds import Line
from distill.report.plain import print_plainly
from distill.report.wording import count, counted, usd

INDENT = (0, 0, 0, 2)


def print_calibration(made: Calibration, console: Console) -> None:
    """Print a calibration.

    Args:
        made: What is printed.
        console: Where; no line is wider than it.
    """
    print_plainly(partial(_print, made), console)


def _print(made: Calibration, console: Console) -> None:
    against = failures(made)
    console.print(Text(f"\n{verdict(made)}", style="bold yellow" if against else "bold green"))
    for note in [*against, *notes(made)]:
        console.print(Padding(Text(note), INDENT, expand=False))
    _block(console, f"At judge.threshold={made.threshold:g}", _confusion(made), _rates(made))
    _block(console, "By threshold", _thresholds(made), Text(threshold_words(made)))
    _block(console, "Bias and steadiness", _biases(made))
    _block(console, "Accuracy of the answers", Text(accuracy_words(made)))
    console.print(Padding(Text(f"\n{gate_rule()}", style="dim"), INDENT, expand=False))
    console.print()
    spend = made.spend
    if spend.requests or spend.cached:
        before = f", {count(spend.cached)} more were paid for before" if spend.cached else ""
        cost = f"{usd(spend.cost_usd)} for {counted(spend.requests, 'request')}{before}"
        console.print(Text(f"Cost     {cost}"))


def _block(console: Console, heading: str, *bodies: Table | Text) -> None:
    console.print(Text(f"\n{heading}", style="bold"))
    for body in bodies:
        console.print(Padding(body, INDENT, expand=False))


def _confusion(made: Calibration) -> Table:
    table, cells = _columns(("", "human: right", "human: wrong")), made.confusion
    table.add_row("judge keeps", count(cells.kept_right), count(cells.kept_wrong))
    table.add_row("judge drops", count(cells.dropped_right), count(cells.dropped_wrong))
    return table


def _rates(made: Calibration) -> Table:
    table, cells = Table.grid(padding=(0, 2, 0, 0)), made.confusion
    for name, told in (
        ("kappa", kappa(made)),
        ("error rate", share_words(cells.error_rate)),
        ("false keep, of the wrong", share_words(cells.false_keep_rate)),
        ("false drop, of the right", share_words(cells.false_drop_rate)),
        ("sensitivity", share_words(cells.sensitivity)),
        ("specificity", share_words(cells.specificity)),
        ("precision", share_words(cells.precision)),
        ("area under the ROC curve", _area(made)),
    ):
        table.add_row(Text(name), Text(told))
    return table


def _area(made: Calibration) -> str:
    area = made.area
    return "–" if area is None else f"{area.value:.3f} ({area.low:.3f} to {area.high:.3f})"


def _thresholds(made: Calibration) -> Table:
    table = _columns(("threshold", "kept", "precision", "recall"))
    for line in made.lines:
        told = _cells(line)
        recommended = made.recommended is not None and line == made.recommended.line
        table.add_row(*map(Text, told), style="bold" if recommended else "")
    return table


def _cells(line: Line) -> tuple[str, ...]:
    shares = (share_words(line.precision), share_words(line.recall))
    return f"{line.threshold:.4g}", count(line.kept), *shares


def _biases(made: Calibration) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for name, told in (
        ("verbosity", verbosity_words(made)),
        ("self-preference", self_preference_words(made)),
        ("position", position_words(made)),
        ("repeats", repeats_words(made)),
    ):
        table.add_row(Text(name), Text(told))
    return table


def _columns(names: Sequence[str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in names:
        table.add_column(name, justify="left" if not name else "right")
    return table

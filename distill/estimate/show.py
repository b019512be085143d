"""An estimate on the terminal, readable without colour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from distill.estimate.figures import Dollars, Estimate, Line, fits
from distill.models.prices import BATCH, price_source
from distill.report.plain import print_plainly
from distill.report.wording import count, counted, one_line, usd

INDENT = (0, 0, 0, 2)
NAME_CHARS = 80


def print_estimate(made: Estimate, console: Console) -> None:
    """Print the lines, their sum, where the figures come from, and how the cap stands to them."""
    print_plainly(partial(_print, made), console)


def _print(made: Estimate, console: Console) -> None:
    for block in _blocks(made):
        console.print(block)


def _blocks(made: Estimate) -> Iterator[Text | Table | Padding]:
    if made.points > 1:
        yield Text(f"{made.points} runs together; what several of them ask counts once.")
    yield _models(made)
    yield _table(made)
    yield Text()
    for sentence in _sentences(made):
        yield Text(sentence)


def _models(made: Estimate) -> Text:
    """Return who is asked, and how."""
    asked = dict.fromkeys(
        f"{line.role} {one_line(line.model, NAME_CHARS)}"
        + (", in batches" if line.mode == BATCH else "")
        for line in made.lines
    )
    return Text("; ".join(asked), style="bold")


def _table(made: Estimate) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("", overflow="fold")
    for name in ("cached", "to ask", "tokens in", "tokens out", "expected", "worst case"):
        table.add_column(name, justify="right", no_wrap=True)
    for line in sorted(made.lines, key=lambda one: one.role != "teacher"):
        table.add_row(_name(line, made), *_cells(line))
    cached = count(sum(line.cached for line in made.lines))
    asked = count(round(sum(line.requests for line in made.lines)))
    sums = (usd(made.total.expected), usd(made.total.worst))
    table.add_row("together", cached, asked, "", "", *sums, style="bold")
    return table


def _name(line: Line, made: Estimate) -> str:
    """Return what a line is called; runs of a sweep may differ in more than what they are for."""
    name = f"{line.role}: {line.what}"
    alike = [one for one in made.lines if (one.role, one.what) == (line.role, line.what)]
    differ = []
    if len({one.model for one in alike}) > 1:
        differ.append(one_line(line.model, NAME_CHARS))
    if len({one.max_tokens for one in alike}) > 1:
        differ.append(f"max_tokens {line.max_tokens}")
    return f"{name}, {', '.join(differ)}" if differ else name


def _cells(line: Line) -> tuple[str, ...]:
    tokens = (count(round(line.input_tokens)), count(round(line.output_tokens)))
    asked = count(round(line.requests))
    cost = (usd(line.cost.expected), usd(line.cost.worst))
    return (count(line.cached), asked, *tokens, *cost)


def _sentences(made: Estimate) -> Iterator[str]:
    asked = [line for line in made.lines if line.worst_requests]
    if not asked:
        yield "Nothing is to be paid for: the ledger answers everything."
    if made.total.expected is not None and made.total.expected > 0:
        yield f"Expected {usd(made.total.expected)}{_range(made.total)}."
    yield from _under_way(asked)
    for name, hows in (
        ("Tokens in", [line.input_how for line in asked]),
        ("Tokens out", [line.output_how for line in asked]),
    ):
        for how in dict.fromkeys(hows):
            of = [line.what for line, its in zip(asked, hows, strict=True) if its == how]
            yield f"{name}, {', '.join(dict.fromkeys(of))}: {how}."
    if made.notes:
        yield f"Assumed: {'; '.join(made.notes)}."
    saved_usd = sum(line.cache_saves_usd or 0.0 for line in asked)
    if saved_usd:
        yield f"Prompt caching is expected to save {usd(saved_usd)}; that is taken off already."
    cached_usd = [line.cached_usd for line in made.lines if line.cached]
    if cached_usd:
        known = None if None in cached_usd else sum(one for one in cached_usd if one is not None)
        number = counted(sum(line.cached for line in made.lines), "response")
        yield f"The ledger holds {number} that would cost {usd(known)}: they are free."
    unknown = dict.fromkeys(line.model for line in asked if line.cost.worst is None)
    if unknown:
        yield f"No price is known for {', '.join(unknown)}: see conf/prices.yaml."
    yield f"Prices: {price_source()}."
    yield _budget(made)


def _under_way(asked: Sequence[Line]) -> Iterator[str]:
    """Say what batches under way will bring; who sent them is charged for them all the same."""
    fetched = sum(line.under_way for line in asked if line.mode == BATCH)
    again = sum(line.under_way for line in asked if line.mode != BATCH)
    if fetched:
        yield (
            f"{count(fetched)} of these are in batches under way and will be fetched, not sent "
            "again: what is counted for them here falls due anyway."
        )
    if again:
        yield (
            f"{count(again)} of these are in batches under way; asked online they are paid for "
            "once more, mode=batch fetches them."
        )


def _range(cost: Dollars) -> str:
    low, high = usd(cost.low), usd(cost.high)
    return "" if low == high else f" ({low} to {high})"


def _budget(made: Estimate) -> str:
    cap = made.max_usd
    if cap is None:
        return "Budget: budget.max_usd is not set; nothing would stop at a sum."
    each = " for the dearest run alone" if made.points > 1 else ""
    words = {
        "worst": "even the worst case fits",
        "expected": "what is expected fits, the worst case does not; a run stops before it passes "
        "the cap, and goes on with a higher one without paying twice",
        "no": "what is expected does not fit; a run would stop before it passes the cap",
        None: "it cannot be compared, as a price is not known",
    }[fits(made.dearest, cap)]
    return f"Budget: {usd(cap)} (budget.max_usd){each}: {words}."

"""A comparison on the terminal: the sentences first, then the tables that they rest on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from distill.compare.comparison import Comparison
from distill.compare.figures import Figures, Spent
from distill.compare.heldout import HeldoutCompared
from distill.compare.lines import (
    ABSENT,
    apart,
    cost_of,
    number,
    paired,
    setting_lines,
    shift,
    why_words,
)
from distill.compare.sentences import difference_words, p_words, what_can_be_said, what_cannot
from distill.compare.side import Side
from distill.costs import ROLES
from distill.report.plain import print_plainly
from distill.report.wording import count, counted, interval, one_line, percent, usd
from distill.statistics import PairedTest

INDENT = (0, 0, 0, 2)
SHOWN_SETTINGS = 20
SHOWN_REASONS = 12
SHOWN_WHYS = 4
NAME_CHARS = 40
KEY_SHARE = 0.4  # of the width, for the keys beside their two values
LEAST_VALUE_CHARS = 12
EXAMPLE_CHARS = 400


def print_comparison(c: Comparison, console: Console) -> None:
    """Print a comparison.

    Args:
        c: What is printed.
        console: Where; no line is wider than it.
    """
    print_plainly(partial(_print, c), console)


def _print(c: Comparison, console: Console) -> None:
    console.print(Text())
    for name, side in (("A", c.a), ("B", c.b)):
        console.print(_run(name, side))
    _say(console, "What can be said", what_can_be_said(c))
    _say(console, "What cannot be said", what_cannot(c))
    if not c.same_run:
        for heading, body in _tables(c, console.width):
            console.print(Text(f"\n{heading}", style="bold"))
            console.print(Padding(body, INDENT, expand=False))
    console.print(Text())


def _run(name: str, side: Side) -> Text:
    figures = side.figures
    words = [figures.run_id[:8], figures.started_at[:16].replace("T", " ")]
    words += [f"{count(figures.rows)} rows", figures.verdict]
    told = " · ".join(one_line(word, NAME_CHARS) for word in words if word)
    return Text.assemble(
        (f"{name}  ", "bold"),
        (one_line(side.name, 2 * NAME_CHARS), "bold"),
        (f"\n   {told}", "dim"),
    )


def _say(console: Console, heading: str, sentences: Sequence[str]) -> None:
    if not sentences:
        return
    console.print(Text(f"\n{heading}", style="bold"))
    table = Table.grid(padding=(0, 1, 0, 0))
    for sentence in sentences:
        table.add_row(Text("·"), Text(one_line(sentence, EXAMPLE_CHARS * 2)))
    console.print(Padding(table, INDENT, expand=False))


def _tables(c: Comparison, width: int) -> Iterator[tuple[str, RenderableType]]:
    for heading, shapes in (("Settings that shape the dataset", True), ("Other settings", False)):
        table = _settings(c, width, shapes_dataset=shapes)
        if table is not None:
            yield heading, table
    a, b = c.a.figures, c.b.figures
    yield "Funnel", _numbers(paired(a.funnel, b.funnel))
    rejected = {name: pair for name, pair in paired(a.rejected, b.rejected).items() if any(pair)}
    if rejected:
        yield "Rejected", _numbers(rejected, limit=SHOWN_REASONS)
    yield "Rows of the datasets", _rows(c, width)
    yield "Models and cost", _models(a, b)
    if not c.same_dataset:
        yield _diversity_heading(c), _diversity(c)
    if not isinstance(c.heldout, str):
        found = c.heldout
        metric = found.metric.replace("_", " ")
        yield f"Held-out {metric}, {count(found.test.n)} shared items", _heldout(found, width)


def _settings(c: Comparison, width: int, *, shapes_dataset: bool) -> Table | None:
    lines = setting_lines(c, shapes_dataset=shapes_dataset)
    if not lines:
        return None
    key_chars = int(KEY_SHARE * width)
    room = max(LEAST_VALUE_CHARS, (width - key_chars - 8) // 2)
    table = _columns(("", "A", "B"), "<<<")
    table.columns[0].max_width = key_chars
    table.columns[0].overflow = "fold"
    for line in lines[:SHOWN_SETTINGS]:
        table.add_row(line.key, *map(Text, apart(line.a, line.b, room)))
    if len(lines) > SHOWN_SETTINGS:
        table.add_row(Text(f"… and {len(lines) - SHOWN_SETTINGS} more (--json)", style="dim"))
    return table


def _numbers(
    numbers: dict[str, tuple[int | None, int | None]], *, limit: int | None = None
) -> Table:
    table = _columns(("", "A", "B", "B − A"), "<>>>")
    for name, (a, b) in list(numbers.items())[:limit]:
        table.add_row(Text(one_line(name, NAME_CHARS)), number(a), number(b), shift(a, b))
    left = 0 if limit is None else len(numbers) - limit
    if left > 0:
        table.add_row(Text(f"… and {left} more (--json)", style="dim"))
    return table


def _rows(c: Comparison, width: int) -> Group:
    rows = c.rows
    table = _columns(("", "", ""), "<><", header=False)
    table.columns[0].no_wrap = table.columns[1].no_wrap = True
    table.columns[2].min_width = 1  # rich forgets the padding before a column of nothing
    table.add_row("in both, same answer", count(rows.same), "")
    table.add_row("in both, another answer", count(rows.changed), "")
    whys = (
        ("only in A", rows.rows_only_a, rows.why_not_in_b, "in B"),
        ("only in B", rows.rows_only_b, rows.why_not_in_a, "in A"),
    )
    for what, number_of, why, where in whys:
        told = "; ".join(
            f"{why_words(key)} {count(n)}" for key, n in list(why.items())[:SHOWN_WHYS]
        )
        table.add_row(what, count(number_of), Text(f"{where}: {told}" if told else "", style="dim"))
    return Group(table, *_examples(c, width))


def _examples(c: Comparison, width: int) -> Iterator[RenderableType]:
    room = max(LEAST_VALUE_CHARS, width - 12)
    for row in c.rows.changes:
        first, second = apart(row.a, row.b, room)
        yield _example("changed", row.id, row.question, (f"A: {first}", f"B: {second}"), room)
    for what, where, rows in (
        ("only in A", "B", c.rows.only_a),
        ("only in B", "A", c.rows.only_b),
    ):
        for one in rows:
            score = "" if one.score is None else f", score {one.score:.2g}"
            why = f"in {where}: {why_words(one.why)}{score}"
            detail = (one_line(one.detail, room),) if one.detail else ()
            yield _example(what, one.id, one.question, (why, *detail), room)


def _example(what: str, row: str, question: str, told: Iterable[str], room: int) -> Group:
    head = Text.assemble((f"\n{what} ", "bold"), (one_line(row, NAME_CHARS), "dim"))
    lines = [one_line(question, room), *told]
    return Group(head, *(Text(f"  {line}", no_wrap=True, overflow="ellipsis") for line in lines))


def _models(a: Figures, b: Figures) -> Table:
    table = _columns(("", "A", "B"), "<<<")
    for role in ROLES:
        pair: tuple[Spent | None, Spent | None] = getattr(a, role), getattr(b, role)
        if not any(pair):
            continue
        table.add_row(role, *(_model(one) for one in pair), style="bold")
        table.add_row("  paid, cached", *(_asked(one) for one in pair))
        table.add_row("  cost", *(ABSENT if one is None else usd(one.cost_usd) for one in pair))
    table.add_row("cost together", usd(cost_of(a)), usd(cost_of(b)))
    return table


def _model(spent: Spent | None) -> Text:
    if spent is None:
        return Text(ABSENT)
    served = [one for one in spent.served if one != spent.model]
    told = f"{spent.model}, served {', '.join(served)}" if served else spent.model
    return Text(one_line(told, 2 * NAME_CHARS))


def _asked(spent: Spent | None) -> str:
    return ABSENT if spent is None else f"{count(spent.requests)}, {count(spent.cached)}"


def _diversity_heading(c: Comparison) -> str:
    found = c.diversity
    if not found.permutations:
        return f"Diversity, not tested: {found.why_not}"
    return f"Diversity of the {found.column}s at equal size"


def _diversity(c: Comparison) -> Group:
    found = c.diversity
    if not found.permutations:
        table = _columns(("as reported", "A", "B"), "<>>")
        for one in found.figures:
            table.add_row(
                Text(one_line(one.name, NAME_CHARS)), _plain(one.own_a), _plain(one.own_b)
            )
        return Group(table)
    table = _columns(("", "A", "B", "B / A", "95% interval", "p (Holm)"), "<>>>>>")
    for one in found.figures:
        limits = ABSENT
        if one.low is not None and one.high is not None:
            limits = f"{one.low:.3f} to {one.high:.3f}"
        ratio = ABSENT if one.ratio is None else f"{one.ratio:.3f}"
        p = ABSENT if one.p_holm is None else p_words(one.p_holm).removeprefix("p ").lstrip("= ")
        name = Text(one_line(one.name, NAME_CHARS))
        table.add_row(name, _plain(one.a), _plain(one.b), ratio, limits, p)
    return Group(table, Text(sample_words(c), style="dim"))


def sample_words(c: Comparison) -> str:
    """Return on what the figures of diversity were measured, and how they were tested."""
    found = c.diversity
    told = [f"{count(found.rows[0])} and {count(found.rows[1])} rows"]
    told[0] += f", n-grams in {count(found.words)} words of each"
    if found.swapped:
        told.append(f"{counted(found.swapped, 'question')} with answers swapped between A and B")
    if found.dealt:
        told.append(f"{counted(found.dealt, 'question')} dealt anew")
    return f"{told[0]}; {count(found.permutations)} relabellings: {', '.join(told[1:])}."


def _plain(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.4g}"


def _heldout(found: HeldoutCompared, width: int) -> Group:
    table = _columns(("", "A", "B"), "<<<")
    told = [f"{percent(one.value)} ({interval(one.low, one.high)})" for one in (found.a, found.b)]
    table.add_row("student delivered", *told, style="bold")
    for arm in found.controls:
        if (arm.name, arm.name) != found.arms:
            table.add_row(Text(one_line(arm.name, NAME_CHARS)), percent(arm.a), percent(arm.b))
    room = max(LEAST_VALUE_CHARS, width - 12)
    examples = (
        _example(
            "scored otherwise",
            one.id,
            one.question,
            (f"reference: {one_line(one.reference, room)}", *_answers(one.a, one.b, room)),
            room,
        )
        for one in found.examples
    )
    return Group(table, Text(compared_words(found), style="dim"), *examples)


def _answers(a: str | None, b: str | None, room: int) -> tuple[str, str]:
    first, second = apart(a, b, room)
    return f"A: {first}", f"B: {second}"


def compared_words(found: HeldoutCompared) -> str:
    """Return the test of the two students in words."""
    test = found.test
    return (
        f"B − A: {difference_words(test, found.metric)}. {count(test.only_b)} items only A scored "
        f"higher on, {count(test.only_a)} only B; the same answer on {count(found.same_answers)}. "
        f"{detectable_words(test)}"
    )


def detectable_words(test: PairedTest) -> str:
    """Return what the number of items could have shown."""
    if test.minimum_detectable is None:
        return "No difference could be shown with so few items that differ."
    return f"Minimum detectable difference: {100 * test.minimum_detectable:.1f} pp."


def _columns(names: Sequence[str], justify: str, *, header: bool = True) -> Table:
    table = Table(box=None, show_header=header, padding=(0, 2, 0, 0), pad_edge=False)
    for name, way in zip(names, justify, strict=True):
        table.add_column(Text(name, style="dim"), justify="right" if way == ">" else "left")
    return table

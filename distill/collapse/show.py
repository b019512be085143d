"""Chains on the terminal, as a picture and for programs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from distill.collapse.cases import gaussian_case
from distill.collapse.chain import PERPLEXITY
from distill.collapse.course import Collapse
from distill.collapse.sentences import course_sentence, warning_sentence
from distill.paths import whole_file
from distill.report.plain import print_plainly
from distill.report.wording import one_line

FORMAT = 1
FIGURES = ("heldout", "distinct_2", "less_varied", "support")
DRAWN = ("heldout", "distinct_2", "support")
INDENT = (0, 0, 0, 2)
MOST_COLUMNS = 6
OUTPUT_CHARS = 300
# Colours that those who see no red or green can tell apart, and marks for those who see none.
LOOKS = (("#0072b2", "o", "-"), ("#d55e00", "s", "--"), ("#009e73", "^", ":"))


def to_json(made: Collapse, run_id: str) -> dict[str, Any]:
    """Return the chains as plain values.

    Returns:
        `format`, `run_id`, `student`, `measure`, `real`, `heldout`, and `courses`: of each regime
        its `regime`, `share`, `sentence` and `generations` with `number`, `examples` and for each
        of `heldout`, `distinct_2`, `less_varied` (0 or 1 a chain) and `support` its `mean`,
        `least` and `greatest` over the chains, or null; an example of what the first chain's
        generation made as `wrote`. `seeds_sha256` tells what was learnt, and `theory` has the
        Gaussian case under the same regimes, as `gaussian_case` returns it.
    """
    return {
        "format": FORMAT,
        "run_id": run_id,
        "student": made.student,
        "measure": made.measure,
        "real": made.real,
        "heldout": made.heldout,
        "seeds_sha256": made.seeds_sha256,
        "theory": gaussian_case(
            [course.regime for course in made.courses], len(made.courses[0].chains[0]) - 1
        ),
        "courses": [
            {
                "regime": course.regime.name,
                "share": course.regime.share if course.regime.name == "keep" else None,
                "title": course.regime.title,
                "sentence": course_sentence(made, course),
                "generations": [
                    {
                        "number": number,
                        "examples": one.examples,
                        **{name: _spread(course.figure(name, number)) for name in FIGURES},
                        "wrote": one_line(one.output[0], OUTPUT_CHARS) if one.output else None,
                    }
                    for number, one in enumerate(course.chains[0])
                ],
            }
            for course in made.courses
        ],
    }


def _spread(figure: tuple[float, float, float] | None) -> dict[str, float] | None:
    if figure is None:
        return None
    return dict(zip(("mean", "least", "greatest"), figure, strict=True))


def print_collapse(told: Mapping[str, Any], made: Collapse, console: Console) -> None:
    """Print all courses.

    Args:
        told: As `to_json` returns it.
        made: The same, as it was made.
        console: Where.
    """
    print_plainly(partial(_print, told, made), console)


def _print(told: Mapping[str, Any], made: Collapse, console: Console) -> None:
    what = f"{made.real:,} real items, measured on {made.heldout:,} real held-out items"
    console.print(Text(f"\nGenerations of {_title(made.student)}, {what}", style="bold"))
    for name in FIGURES:
        table = _table(told, name)
        if table is not None:
            console.print(Padding(table, INDENT, expand=False))
    console.print()
    for course in told["courses"]:
        line = Text.assemble((f"{course['title']}: ", "bold"), course["sentence"])
        console.print(Padding(line, INDENT, expand=False))
    console.print(Padding(Text(warning_sentence(made), style="dim"), INDENT, expand=False))


def _title(student: str) -> str:
    return "an n-gram model" if student == "ngram" else f"the student {student}"


def _table(told: Mapping[str, Any], name: str) -> Table | None:
    courses = told["courses"]
    if all(one[name] is None for course in courses for one in course["generations"]):
        return None
    last = len(courses[0]["generations"]) - 1
    shown = sorted({round(i * last / (MOST_COLUMNS - 1)) for i in range(MOST_COLUMNS)})
    table = Table(box=None, pad_edge=False, title=None)
    table.add_column(heading(told, name), no_wrap=True)
    for number in shown:
        table.add_column(f"gen {number}", justify="right", no_wrap=True)
    for course in courses:
        cells = [course["generations"][number][name] for number in shown]
        table.add_row(
            course["title"], *("–" if cell is None else f"{cell['mean']:.3g}" for cell in cells)
        )
    return table


def heading(told: Mapping[str, Any], name: str) -> str:
    """Return what a figure is called, with the way that collapse goes."""
    if name == "heldout":
        measure = str(told["measure"])
        return f"{measure} on real held-out" + (" (rises)" if measure == PERPLEXITY else "")
    return {
        "distinct_2": "distinct-2 of what it makes",
        "less_varied": "chains that the alarm sees",
        "support": "share of what is real",
    }[name]


def draw(told: Mapping[str, Any], path: Path) -> None:
    """Draw the courses with the spread of their chains.

    Args:
        told: As `to_json` returns it.
        path: A PNG file, replaced whole.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    names = [
        name
        for name in DRAWN
        if any(one[name] for course in told["courses"] for one in course["generations"])
    ]
    figure = Figure(figsize=(4.2 * len(names), 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    for at, name in enumerate(names):
        axes = figure.add_subplot(1, len(names), at + 1)
        for course, (colour, mark, line) in zip(told["courses"], LOOKS, strict=False):
            spreads = [one[name] for one in course["generations"]]
            numbers = range(len(spreads))
            axes.fill_between(
                numbers,
                [spread["least"] for spread in spreads],
                [spread["greatest"] for spread in spreads],
                color=colour,
                alpha=0.2,
                linewidth=0,
            )
            means = [spread["mean"] for spread in spreads]
            axes.plot(
                numbers, means, color=colour, marker=mark, linestyle=line, label=course["title"]
            )
        axes.set_title(heading(told, name), fontsize=10)
        axes.set_xlabel("generation")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
    figure.axes[0].legend(fontsize=9)
    with whole_file(path) as draft:
        figure.savefig(draft, format="png", dpi=150)

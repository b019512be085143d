"""What `distill collapse` found, as words, curves and numbers for its own page and a run's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from distill.report.curves import Curve, curves, key_mark
from distill.report.wording import count, counted, listed, visible

PERPLEXITY = "perplexity"
FIGURES = ("heldout", "distinct_2", "support", "less_varied")
# They are shares and have the whole scale of shares.
WHOLE = ("support", "less_varied")


@dataclass(frozen=True, kw_only=True)
class CurvePlot:
    """One figure over the generations.

    Args:
        heading: What it is called.
        meaning: What it says and which way collapse goes.
        svg: The curves, as markup.
    """

    heading: str
    meaning: str
    svg: str


@dataclass(frozen=True, kw_only=True)
class CollapsePlots:
    """Everything that is shown of a `distill collapse`.

    Args:
        sentence: What was followed, on what.
        warning: What a reader must know of where it came from; "" where there is nothing.
        key: (title, mark as markup, what became of it, what the alarm saw) of each regime.
        plots: One a figure.
        heads: Of the table of numbers.
        rows: Its rows as text, by regime and generation.
        theory: The case whose mathematics is known, or `None`.
        theory_sentence: What that is.
    """

    sentence: str
    warning: str
    key: tuple[tuple[str, str, str, str], ...]
    plots: tuple[CurvePlot, ...]
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    theory: CurvePlot | None
    theory_sentence: str


def collapse_plots(told: Mapping[str, Any] | None) -> CollapsePlots | None:
    """Return what is shown; `None` where nothing was given.

    Args:
        told: `collapse.json` as `distill.collapse.told` reads it.
    """
    if told is None:
        return None
    courses = told["courses"]
    names = [name for name in FIGURES if _values(courses[0], name)]
    headings = {name: figure_heading(told, name) for name in names}
    return CollapsePlots(
        sentence=_sentence(told),
        warning=_warning(told),
        key=tuple(
            (
                visible(course["title"]),
                key_mark(at),
                visible(course["sentence"]),
                alarm_sentence(course),
            )
            for at, course in enumerate(courses)
        ),
        plots=tuple(_plot(told, name) for name in names),
        heads=("Regime", "Generation", "Learnt from", *(headings[name] for name in names)),
        rows=tuple(_row(course, one, names) for course in courses for one in course["generations"]),
        theory=_theory(told.get("theory")),
        theory_sentence=_theory_sentence(told.get("theory")),
    )


def figure_heading(told: Mapping[str, Any], name: str) -> str:
    """Return what a figure is called."""
    return {
        "heldout": f"{visible(told['measure']).capitalize()} on real held-out".replace("_", " "),
        "distinct_2": "Distinct-2",
        "support": "Support",
        "less_varied": "Chains in alarm",
    }[name]


def alarm_sentence(course: Mapping[str, Any]) -> str:
    """Say from which generation on the alarm sees a loss of variety, and in how many chains."""
    seen = _values(course, "less_varied")
    if not seen:
        return "The alarm looks at texts; there are none."
    means = [one["mean"] for one in seen]
    if max(means) == 0:
        return "The alarm sees no chain less varied."
    always = next((n for n in range(len(means)) if all(mean == 1 for mean in means[n:])), None)
    if always is not None:
        return f"The alarm sees every chain from generation {always} on."
    first = next(n for n, mean in enumerate(means) if mean > 0)
    return (
        f"The alarm sees a first chain in generation {first}, {means[-1]:.0%} of them in the last."
    )


def _plot(told: Mapping[str, Any], name: str) -> CurvePlot:
    drawn, said = [], []
    for course in told["courses"]:
        spreads = _values(course, name)
        drawn.append(
            Curve(
                means=[one["mean"] for one in spreads],
                lows=() if name == "less_varied" else [one["least"] for one in spreads],
                highs=() if name == "less_varied" else [one["greatest"] for one in spreads],
            )
        )
        said.append(f"{course['title']} {spreads[0]['mean']:.3g} to {spreads[-1]['mean']:.3g}")
    heading, last = figure_heading(told, name), len(drawn[0].means) - 1
    is_share = name in WHOLE or (name == "heldout" and max(v for d in drawn for v in d.highs) <= 1)
    return CurvePlot(
        heading=heading,
        meaning=_meaning(told, name),
        svg=curves(
            drawn,
            label=visible(f"{heading} from generation 0 to {last}: {'; '.join(said)}"),
            most=1.0 if is_share else None,
        ),
    )


def _meaning(told: Mapping[str, Any], name: str) -> str:
    made = "words" if told["student"] == "ngram" else "answers"
    return {
        "heldout": "rises as the skill is lost"
        if told["measure"] == PERPLEXITY
        else "falls as the skill is lost",
        "distinct_2": "share of new word pairs in what is written; falls",
        "support": f"share of the real {made} that are still in use; falls",
        "less_varied": "share of chains clearly less varied than generation 0",
    }[name]


def _row(course: Mapping[str, Any], one: Mapping[str, Any], names: list[str]) -> tuple[str, ...]:
    cells = [visible(course["title"]), str(one["number"]), count(one["examples"])]
    for name in names:
        spread = one[name]
        if spread is None:
            cells.append("–")
        elif name == "less_varied":
            cells.append(f"{spread['mean']:.0%}")
        elif spread["least"] == spread["greatest"]:
            cells.append(_number(spread["mean"]))
        else:
            ends = f"{_number(spread['least'])} to {_number(spread['greatest'])}"
            cells.append(f"{_number(spread['mean'])} ({ends})")
    return tuple(cells)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _values(course: Mapping[str, Any], name: str) -> list[Mapping[str, float]]:
    """Return a figure by generation, nothing where a generation lacks it."""
    values = [one[name] for one in course["generations"]]
    return [] if None in values else values


def _sentence(told: Mapping[str, Any]) -> str:
    is_ngram = told["student"] == "ngram"
    what = "n-gram models" if is_ngram else f"the student {visible(told['student'])}"
    return (
        f"Generations of {what}, each taught by the one before. Generation 0 learnt from "
        f"{counted(told['real'], 'real item')}; all are measured on "
        f"{counted(told['heldout'], 'real held-out item')}."
    )


def _warning(told: Mapping[str, Any]) -> str:
    said = []
    if told.get("same_seeds") is False:
        said.append("These chains learnt from other seeds than this run's.")
    if told["student"] == "ngram":
        said.append("An n-gram model is a stand-in: it shows which way data goes, not how fast.")
    else:
        said.append("No filter and no judge stands between the generations.")
    return " ".join(said)


def _theory(told: Mapping[str, Any] | None) -> CurvePlot | None:
    if told is None:
        return None
    drawn, said = [], []
    for one in told["courses"]:
        drawn.append(Curve(means=one["measured"], theory=one["theory"] or ()))
        words = f"{one['title']} {one['measured'][-1]:.3g}"
        said.append(words + (f", theory {one['theory'][-1]:.4g}" if one["theory"] else ""))
    last = len(drawn[0].means) - 1
    return CurvePlot(
        heading="Where the mathematics is known",
        meaning="squared distance to the truth, generation 0 is 1; rises",
        svg=curves(drawn, label=visible(f"In generation {last}: {'; '.join(said)}")),
    )


def _theory_sentence(told: Mapping[str, Any] | None) -> str:
    if told is None:
        return ""
    ends = [
        f"{visible(one['title'])} {one['measured'][-1]:.2f}"
        + (f" (theory {_bound(one['theory'])})" if one["theory"] else "")
        for one in told["courses"]
    ]
    return (
        f"A normal distribution fitted to {count(told['samples'])} draws of the fit before, mean "
        f"of {count(told['chains'])} chains under the same regimes. Dotted: theory, for replace "
        f"n + 1 in generation n, for accumulate a bound that is never passed. In the last "
        f"generation: {listed(ends)}. Language has no such theory; the course is alike."
    )


def _bound(theory: list[float]) -> str:
    return f"at most {theory[-1]:.3f}" if theory[0] == theory[-1] else f"{theory[-1]:g}"

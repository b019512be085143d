"""The textbook's cases with their settings, beside what theory says: `distill collapse --textbook`.

The settings are those of docs/collapse.md; every figure is drawn anew in a few seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from distill.collapse.regimes import Regime
from distill.collapse.textbook import BOUND, gaussian, regression, zipf

SEED = 0
REGIMES = (
    Regime(name="replace"),
    Regime(name="keep", share=0.1),
    Regime(name="keep", share=0.5),
    Regime(name="accumulate"),
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One case under all of its regimes.

    Args:
        title: What is drawn, and what is followed.
        rows: Regime's title, what was measured at the end, and the theory or "".
    """

    title: str
    rows: tuple[tuple[str, float, str], ...]


def cases() -> Iterator[Case]:
    """Yield each case, measured."""
    generations = 50
    spread = {
        regime.title: gaussian(regime, samples=100, generations=generations, chains=2000, seed=SEED)
        for regime in REGIMES
    }
    yield Case(
        title=f"A Gaussian fitted to 100 draws of the fit before: squared Wasserstein distance "
        f"to the truth after {generations} generations, generation 0 is 1",
        rows=tuple(
            (title, float(figures[-1]), _theory(title, generations))
            for title, figures in spread.items()
        ),
    )
    generations = 19
    errors = {
        regime.title: regression(
            regime, dimensions=20, samples=200, generations=generations, chains=400, seed=SEED
        )
        for regime in REGIMES
        if regime.name != "keep"
    }
    yield Case(
        title=f"A regression on the labels of the one before: excess test error after "
        f"{generations} generations, generation 0 is 1",
        rows=tuple(
            (title, float(figures[-1]), _theory(title, generations))
            for title, figures in errors.items()
        ),
    )
    generations = 10
    alive = {
        regime.title: zipf(
            regime, types=2000, draws=5000, generations=generations, chains=200, seed=SEED
        )
        for regime in REGIMES
    }
    yield Case(
        title=f"Words of Zipf's law drawn by the counts before: share of the words still in use "
        f"after {generations} generations",
        rows=tuple(
            (title, float(figures[-1]), "1" if title == "accumulate" else "")
            for title, figures in alive.items()
        ),
    )


def gaussian_case(regimes: Sequence[Regime], generations: int) -> dict[str, Any]:
    """Return the Gaussian case under `regimes`, to be drawn beside other chains of that length.

    Returns:
        `samples`, `chains`, and `courses`: of each regime its `title`, what was `measured` at
        generation 0, 1, …, and `theory`: the value at each generation under replace, the bound
        under accumulate, null under keep.
    """
    samples, chains = 100, 2000
    theory = {
        "replace": [float(n + 1) for n in range(generations + 1)],
        "accumulate": [BOUND] * (generations + 1),
    }
    return {
        "samples": samples,
        "chains": chains,
        "courses": [
            {
                "title": regime.title,
                "measured": gaussian(
                    regime, samples=samples, generations=generations, chains=chains, seed=SEED
                ).tolist(),
                "theory": theory.get(regime.name),
            }
            for regime in regimes
        ],
    }


def _theory(title: str, generations: int) -> str:
    if title == "replace":
        return f"{generations + 1}"
    return f"at most {BOUND:.3f}" if title == "accumulate" else ""


def print_cases(console: Console) -> None:
    """Print every case as soon as it is measured."""
    for case in cases():
        console.print(Text(f"\n{case.title}", style="bold"))
        table = Table(box=None, pad_edge=False)
        table.add_column("regime")
        table.add_column("measured", justify="right")
        table.add_column("theory", justify="right")
        for title, figure, theory in case.rows:
            table.add_row(title, f"{figure:.3f}", theory)
        console.print(Padding(table, (0, 0, 0, 2), expand=False))

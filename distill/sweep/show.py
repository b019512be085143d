"""A sweep for the eye and for other programs: the table, `sweep.csv`, `sweep.png`, `sweep.json`."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from distill.paths import whole_file, write_text
from distill.sweep.choice import Choice, Result
from distill.sweep.told import as_json
from distill.tracking.sweep import SWEEP_FILE

if TYPE_CHECKING:
    from rich.console import Console

CSV_FILE = "sweep.csv"
PLOT_FILE = "sweep.png"
MARK = "←"
EVALUATED = ("accuracy", "95 % interval")


def leave_files(
    results: Sequence[Result], choice: Choice | None, out: Path, *, run_id: str
) -> None:
    """Write `sweep.csv`, where there is something to draw `sweep.png`, and `sweep.json` last.

    Args:
        results: One a point.
        choice: The point that the data supports, or `None`.
        out: The sweep's folder; made if it is missing.
        run_id: What the points name as their parent.
    """
    with whole_file(out / CSV_FILE) as draft:
        _write_csv(results, choice, draft)
    if any(result.rows is not None for result in results):
        with whole_file(out / PLOT_FILE) as draft:
            _draw(results, choice, draft)
    told = as_json(results, choice, run_id=run_id)
    write_text(out / SWEEP_FILE, json.dumps(told, ensure_ascii=False, indent=2) + "\n")


def print_table(
    results: Sequence[Result],
    choice: Choice | None,
    out: Path,
    console: Console,
    *,
    page: str | None,
) -> None:
    """Print one line a point, the chosen one marked, what failed, and where to look on."""
    from rich.table import Table

    evaluated = any(result.accuracy is not None for result in results)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for key in results[0].point.swept:
        table.add_column(key, overflow="fold")
    for name in ("rows", "kept", *EVALUATED[: 2 * evaluated], "distinct-2", "paid", "cost", ""):
        table.add_column(name, justify="right", no_wrap=True)
    for result in results:
        mark = MARK if choice is not None and choice.index == result.point.index else ""
        table.add_row(*result.point.swept.values(), *_cells(result, evaluated), mark)
    console.print(table)
    if choice is not None:
        console.print(f"{MARK} {choice.reason}.", highlight=False)
    for result in results:
        if result.status == "failed":
            first = result.error.splitlines()[-1] if result.error else ""
            console.print(f"failed: {result.point.name}: {first}", highlight=False)
    console.print(f"files: {out}", highlight=False, soft_wrap=True)
    if page is not None:
        console.print(f"MLflow: {page}", highlight=False, soft_wrap=True)


def _cells(result: Result, evaluated: bool) -> list[str]:
    if result.status == "failed":
        return ["failed", "", *[""] * (2 * evaluated), "", "", ""]
    interval = "–" if result.low is None else f"{result.low:.3f}–{result.high:.3f}"
    measured = [_number(result.accuracy, "{:.3f}"), interval] if evaluated else []
    return [
        f"{result.rows:,}",
        _number(result.kept_share, "{:.0%}"),
        *measured,
        _number((result.diversity or {}).get("distinct_2"), "{:.3f}"),
        f"{result.requests:,}",
        "unknown" if result.cost_usd is None else f"${result.cost_usd:.4f}",
    ]


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)


def _write_csv(results: Sequence[Result], choice: Choice | None, path: Path) -> None:
    swept = list(results[0].point.swept)
    figures = sorted({name for result in results for name in result.diversity or {}})
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        head = ["point", *swept, "status", "rows", "kept_share", "accuracy", "low", "high", "n"]
        costs = ["requests", "cost_usd", "cost_if_uncached_usd"]
        tail = [*costs, "seconds", "verdict", "dataset_sha256", "chosen", "error"]
        writer.writerow([*head, *(f"diversity/{name}" for name in figures), *tail])
        for result in results:
            diversity = result.diversity or {}
            writer.writerow(
                [
                    result.point.index,
                    *result.point.swept.values(),
                    result.status,
                    result.rows,
                    result.kept_share,
                    result.accuracy,
                    result.low,
                    result.high,
                    result.n,
                    *(diversity.get(name) for name in figures),
                    result.requests,
                    result.cost_usd,
                    result.if_uncached_usd,
                    result.seconds,
                    result.verdict,
                    result.dataset_sha256,
                    choice is not None and choice.index == result.point.index,
                    result.error,
                ]
            )


def _draw(results: Sequence[Result], choice: Choice | None, path: Path) -> None:
    """Draw rows kept, held-out accuracy, diversity and cost above the points."""
    from matplotlib.figure import Figure

    done = [result for result in results if result.status == "done"]
    panels: list[tuple[str, Sequence[float | None]]] = [("rows", [r.rows for r in done])]
    if any(result.accuracy is not None for result in done):
        panels.append(("held-out accuracy", [result.accuracy for result in done]))
    if any((result.diversity or {}).get("distinct_2") for result in done):
        varied = [(result.diversity or {}).get("distinct_2") for result in done]
        panels.append(("distinct-2", varied))
    panels.append(("cost, $", [result.cost_usd for result in done]))
    figure = Figure(figsize=(1.6 + 0.9 * len(done), 2.0 * len(panels)), layout="constrained")
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    at = list(range(len(done)))
    for axis, (title, values) in zip(axes, panels, strict=True):
        axis.plot(at, [float("nan") if v is None else v for v in values], "o-", color="#2b6cb0")
        axis.set_ylabel(title)
        axis.grid(alpha=0.3)
        if title == "held-out accuracy":
            low = [(r.accuracy or 0) - (r.low or 0) for r in done]
            high = [(r.high or 0) - (r.accuracy or 0) for r in done]
            axis.errorbar(at, values, yerr=[low, high], fmt="none", color="#2b6cb0", capsize=3)
        for i, result in enumerate(done):
            if choice is not None and choice.index == result.point.index:
                axis.axvline(i, color="#c05621", linestyle="--", linewidth=1)
    axes[-1].set_xticks(at, [result.point.name for result in done], rotation=20, ha="right")
    figure.savefig(path, format="png", dpi=120)

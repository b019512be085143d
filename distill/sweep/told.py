"""What a sweep was and came to, as `sweep.json` says it and as MLflow shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from distill.sweep.choice import Choice, Result

FINISHED, FAILED = "FINISHED", "FAILED"


def as_json(results: Sequence[Result], choice: Choice | None, *, run_id: str) -> dict[str, Any]:
    """Return the sweep in figures.

    Args:
        results: One a point.
        choice: The point that the data supports, or `None`.
        run_id: The sweep's own id.
    """
    failed = sum(result.status == "failed" for result in results)
    return {
        "run_id": run_id,
        "status": FAILED if failed else FINISHED,
        "swept": list(results[0].point.swept),
        "chosen": None if choice is None else results[choice.index].point.name,
        "reason": None if choice is None else choice.reason,
        "figures": _figures(results, choice, failed),
        "points": [_point(result) for result in results],
        "note": note(results, choice),
    }


def note(results: Sequence[Result], choice: Choice | None) -> str:
    """Return the sweep in Markdown: what is supported and why, and a row a point."""
    swept = list(results[0].point.swept)
    head = [*swept, "rows", "accuracy", "95 % interval", "cost", "verdict"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for result in results:
        chosen = choice is not None and choice.index == result.point.index
        cells = [*result.point.swept.values(), *_cells(result)]
        lines.append("| " + " | ".join(f"**{cell}**" if chosen else cell for cell in cells) + " |")
    said = "Nothing was evaluated on held-out examples, so that no point is preferred."
    if choice is not None:
        said = f"**{results[choice.index].point.name}**: {choice.reason}."
    return "\n\n".join([said, "\n".join(lines)])


def _cells(result: Result) -> list[str]:
    if result.status == "failed":
        return ["failed", "", "", "", ""]
    measured = result.accuracy is not None
    return [
        f"{result.rows:,}",
        f"{result.accuracy:.3f}" if measured else "–",
        f"{result.low:.3f} to {result.high:.3f}" if measured else "–",
        "unknown" if result.cost_usd is None else f"${result.cost_usd:.4f}",
        result.verdict,
    ]


def _figures(results: Sequence[Result], choice: Choice | None, failed: int) -> dict[str, float]:
    """Return the metrics of the sweep's own run; of its points', those of the chosen one."""
    found: dict[str, float | None] = {"sweep/points": len(results), "sweep/failed": failed}
    costs = [result.cost_usd for result in results if result.status == "done"]
    found["sweep/requests"] = sum(result.requests or 0 for result in results)
    found["sweep/cost_usd"] = None if None in costs else sum(cost or 0.0 for cost in costs)
    if choice is not None:
        chosen = results[choice.index]
        found |= {
            "eval/accuracy": chosen.accuracy,
            "eval/low": chosen.low,
            "eval/high": chosen.high,
            "funnel/selected": chosen.rows,
        }
    return {key: float(number) for key, number in found.items() if number is not None}


def _point(result: Result) -> dict[str, Any]:
    return {
        "name": result.point.name,
        "folder": result.point.folder_name,
        "status": result.status,
        "swept": result.point.swept,
        "rows": result.rows,
        "accuracy": result.accuracy,
        "low": result.low,
        "high": result.high,
        "n": result.n,
        "requests": result.requests,
        "cost_usd": result.cost_usd,
        "dataset_sha256": result.dataset_sha256,
        "verdict": result.verdict,
        "error": result.error,
    }

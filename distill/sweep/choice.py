"""Which point of a sweep the data supports.

The highest accuracy of several is partly luck. The rule takes the smallest dataset whose accuracy
lies within one standard error of the best, as Breiman et al. (1984, "Classification and Regression
Trees", 3.4.3) choose a tree.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from distill.sweep.points import Point


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one point came to.

    Args:
        point: Which.
        status: `done` or `failed`.
        rows: Rows of its dataset; `None` where it failed.
        kept_share: Rows of the dataset, of those generated, in [0, 1].
        accuracy: Held-out headline, in [0, 1]; `None` where nothing was evaluated.
        low: Lower limit of its 95 % interval.
        high: Upper limit.
        n: Held-out items.
        diversity: Figures by name.
        requests: Responses paid for.
        cost_usd: Dollars of this point; `None` where unknown.
        if_uncached_usd: What it would have cost with an empty ledger; `None` where unknown.
        dataset_sha256: The dataset's identity.
        verdict: The run's verdict.
        seconds: Wall time.
        error: Why it failed, "" where it did not.
    """

    point: Point
    status: str
    rows: int | None = None
    kept_share: float | None = None
    accuracy: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    diversity: dict[str, float] | None = None
    requests: int | None = None
    cost_usd: float | None = None
    if_uncached_usd: float | None = None
    dataset_sha256: str = ""
    verdict: str = ""
    seconds: float | None = None
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The point that the data supports, and why.

    Args:
        index: The point's index.
        reason: In one sentence.
    """

    index: int
    reason: str


def choose(results: Sequence[Result]) -> Choice | None:
    """Return the smallest dataset within one standard error of the best accuracy.

    Returns:
        `None` where no point was evaluated on held-out examples.
    """
    measured = [r for r in results if r.accuracy is not None and r.n and r.rows is not None]
    if not measured:
        return None
    best = max(measured, key=lambda r: (r.accuracy or 0.0, -(r.rows or 0)))
    accuracy, n = best.accuracy or 0.0, best.n or 1
    error = math.sqrt(accuracy * (1 - accuracy) / n)
    near = [r for r in measured if (r.accuracy or 0.0) >= accuracy - error]
    chosen = min(near, key=lambda r: (r.rows or 0, -(r.accuracy or 0.0), r.point.index))
    if chosen is best:
        reason = (
            f"the best accuracy ({accuracy:.3f}), and no smaller dataset comes within one "
            f"standard error ({error:.3f})"
        )
    else:
        reason = (
            f"the smallest dataset ({chosen.rows} rows) within one standard error ({error:.3f}) "
            f"of the best accuracy ({accuracy:.3f} at {best.point.name})"
        )
    return Choice(index=chosen.point.index, reason=reason)

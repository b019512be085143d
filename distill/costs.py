"""What a dataset costs: in this run, by the row that was kept, and without the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from distill.models.batch_api import BATCH, ONLINE
from distill.models.prices import price_of

ROLES = ("augment", "teacher", "judge", "student", "student_base", "students", "metric_judge")


def total_cost_usd(manifest: Mapping[str, Any]) -> float | None:
    """Return what all roles cost together; `None` where one of them is not known."""
    costs = [manifest[role]["cost_usd"] for role in ROLES if role in manifest]
    return None if None in costs else sum(costs)


def per_row_usd(cost_usd: float | None, rows: int) -> float | None:
    """Return the dollars of a row of the dataset; `None` where there is none, or no known cost.

    Args:
        cost_usd: Of a whole run, its rejected rows and its evaluation included.
        rows: Rows of the dataset that the teacher has answered.
    """
    return None if cost_usd is None or rows == 0 else cost_usd / rows


def uncached_usd(responses: Path, modes: Mapping[str, str]) -> float | None:
    """Return what a run would have cost with an empty ledger; `None` where a price is unknown.

    Every response counts once, at the price of the way in which the run asks for it.

    Args:
        responses: The run's `responses.parquet`; not read into memory at once.
        modes: `online` or `batch`, by the response's key; a key that is missing is `online`.
    """
    batched = pl.Series([key for key, mode in modes.items() if mode == BATCH], dtype=pl.String)
    used = (
        pl.scan_parquet(responses)
        .group_by("provider", "model", pl.col("key").is_in(batched.implode()).alias("batched"))
        .agg(pl.col("input_tokens", "output_tokens").sum())
        .collect()
    )
    total_usd = 0.0
    for provider, model, is_batched, input_tokens, output_tokens in used.iter_rows():
        price = price_of(provider, model, mode=BATCH if is_batched else ONLINE)
        if price is None:
            return None
        total_usd += price.cost_usd(input_tokens=input_tokens, output_tokens=output_tokens)
    return total_usd

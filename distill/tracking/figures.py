"""The metrics of a run: every number of its manifest, and how the judge's scores are spread.

What is null, absent or not finite is left out: an unknown price is not a price of 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from distill.costs import ROLES
from distill.errors import UserError
from distill.tracking.saved_run import SavedRun, free_name, section

EXAMPLES_FILE = "examples.parquet"
PLAIN_SECTIONS = ("funnel", "rejected", "review", "abstention", "diversity", "time")
DATASET = ("rows", "real_rows", "synthetic_rows")
COST = "cost_usd"
TOKENS = ("input_tokens", "output_tokens")
QUANTILES = {"p10": 0.1, "p50": 0.5, "p90": 0.9}


def metrics(saved: SavedRun) -> dict[str, float]:
    """Return the run's metrics by key, `stage/name`.

    Raises:
        UserError: `examples.parquet` cannot be read.
    """
    manifest = saved.manifest
    found: dict[str, float] = {}
    # MLflow's pages offer first what was logged first.
    blocks: dict[str, Any] = {"eval": _evaluation(section(manifest, "eval"))}
    blocks |= {name: section(manifest, name) for name in PLAIN_SECTIONS}
    blocks["diversity"] = {**blocks["diversity"], **_ratios(section(manifest, "contrasts"))}
    blocks["judge"] = {**_judge(section(manifest, "judge")), **score_spread(saved)}
    blocks["cost"] = costs(manifest)
    blocks["dataset"] = {name: manifest.get(name) for name in DATASET}
    for key, number in leaves(blocks):
        found[free_name(key, found)] = number
    return found


def _ratios(contrasts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ratio of variety to what the dataset was compared with, by figure."""
    return {
        f"ratio_to_{against}": {
            name: section(section(one, "figures"), name).get("ratio")
            for name in section(one, "figures")
        }
        for against, one in contrasts.items()
        if isinstance(one, Mapping)
    }


def leaves(node: Any, prefix: str = "") -> Iterator[tuple[str, float]]:
    """Yield `(key, number)` of every finite number; nested mappings are joined with `/`."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from leaves(value, f"{prefix}/{key}" if prefix else str(key))
    elif isinstance(node, int | float) and not isinstance(node, bool) and math.isfinite(node):
        yield prefix, float(node)


def costs(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return dollars, requests and tokens by role, and the dollars of both where both are known."""
    found: dict[str, Any] = {}
    prices = []
    for role in ROLES:
        about = section(manifest, role)
        if COST in about:
            prices.append(about[COST])
            found[f"{role}_usd"] = about[COST]
        found.update({f"{role}_{name}": about.get(name) for name in TOKENS})
    teacher = section(manifest, "teacher")
    found.update({f"teacher_{name}": teacher.get(name) for name in ("requests", "cached")})
    if prices and None not in prices:
        found["total_usd"] = sum(prices)
    found["per_row_usd"] = manifest.get("cost_per_row_usd")
    found["if_uncached_usd"] = manifest.get("cost_if_uncached_usd")
    return found


def score_spread(saved: SavedRun) -> dict[str, float]:
    """Return mean and quantiles of the judge's scores, in [0, 1]; empty where there are none."""
    path = saved.path / EXAMPLES_FILE
    if not path.is_file():
        return {}
    try:
        if "score" not in pl.read_parquet_schema(path):
            return {}
        scores = pl.read_parquet(path, columns=["score"])["score"].cast(pl.Float64).drop_nulls()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UserError(f"{path}: no Parquet file that can be read ({error}).") from error
    scores = scores.filter(scores.is_finite())
    if scores.is_empty():
        return {}
    spread = {
        f"score_{name}": scores.quantile(share, interpolation="linear")
        for name, share in QUANTILES.items()
    }
    return {"score_mean": float(scores.mean()), **spread}  # type: ignore[arg-type,dict-item]


def _judge(judge: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in judge.items() if key not in {COST, *TOKENS}}


def _evaluation(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """Put the arms beside the student's own figures: `eval/<arm>/accuracy`."""
    own = {key: value for key, value in evaluation.items() if key != "arms"}
    return {**own, **{k: v for k, v in section(evaluation, "arms").items() if k not in own}}

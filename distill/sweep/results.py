"""What the points of a sweep came to, read from the folders that they left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from distill.costs import ROLES
from distill.folder import MANIFEST
from distill.sweep.choice import Result
from distill.sweep.points import Point

FAILURE_FILE = "failure.json"


def collect(point: Point, folder: Path) -> Result:
    """Read one point's folder; one without a manifest has failed."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Result(point=point, status="failed", error=_failure(folder))
    return _done(point, manifest)


def _done(point: Point, manifest: dict[str, Any]) -> Result:
    funnel, measured = manifest["funnel"], manifest.get("eval", {})
    spent = [manifest[role] for role in ROLES if role in manifest]
    costs = [role["cost_usd"] for role in spent]
    return Result(
        point=point,
        status="done",
        rows=manifest["rows"],
        kept_share=funnel["selected"] / funnel["generated"] if funnel["generated"] else None,
        accuracy=measured.get("accuracy"),
        low=measured.get("low"),
        high=measured.get("high"),
        n=measured.get("n"),
        diversity=manifest["diversity"],
        requests=sum(role["requests"] for role in spent),
        cost_usd=None if None in costs else sum(costs),
        if_uncached_usd=manifest.get("cost_if_uncached_usd"),
        dataset_sha256=manifest["dataset_sha256"],
        verdict=manifest["verdict"],
        seconds=sum(manifest["time"].values()),
    )


def _failure(folder: Path) -> str:
    try:
        failure = json.loads((folder / FAILURE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "it did not come to its end"
    return str(failure.get("error", "")).strip()

"""Run folders as a run leaves them, without the run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import yaml

OWN_ID = "0123456789abcdef0123456789abcdef"
SHA = {name: digit * 64 for name, digit in {"seeds": "1", "heldout": "2", "dataset": "d"}.items()}

MANIFEST: dict[str, Any] = {
    "distill_version": "0.1.0",
    "run_id": OWN_ID,
    "started_at": "2026-03-01T10:00:00Z",
    "ended_at": "2026-03-01T10:05:00Z",
    "dataset_sha256": SHA["dataset"],
    "config_sha256": "c" * 64,
    "rows": 40,
    "inputs": {
        "seeds": {"sha256": SHA["seeds"], "rows": 50, "source": "data/seeds.jsonl"},
        "heldout": {"sha256": SHA["heldout"], "rows": 200, "source": "/home/me/heldout.jsonl"},
    },
    "teacher": {
        "model": "claude-opus-4-5-20251101",
        "served": ["claude-opus-4-5-20251101"],
        "requests": 50,
        "cached": 10,
        "input_tokens": 1000,
        "output_tokens": 300,
        "cost_usd": 0.5,
    },
    "judge": {
        "model": "gpt-x",
        "served": ["gpt-x", "gpt-x-2026"],
        "requests": 45,
        "cached": 0,
        "unscored": 1,
        "cost_usd": 0.25,
    },
    "funnel": {"seeds": 50, "selected": 40},
    "rejected": {"filter/min_words": 4},
    "diversity": {"distinct_2": 0.8},
    "guards": {"contamination": "pass"},
    "eval": {
        "accuracy": 0.79,
        "low": 0.73,
        "high": 0.85,
        "n": 200,
        "arms": {"real": {"accuracy": 0.72, "low": 0.66, "high": 0.78, "n": 200}},
    },
    "time": {"generate": 1.5},
    "verdict": "helps",
    "verdict_reason": "The student gains 7 points.",
}
CONFIG: dict[str, Any] = {
    "seed": 0,
    "task": {"_target_": "distill.tasks.Classify", "labels": ["sport", "tech"]},
    "ledger": {"url": "postgresql://me:secret@db/ledger"},
    "tracking": {"uri": "sqlite:///never/used.db", "experiment": "distill"},
}


def make_run(
    folder: Path,
    *,
    manifest: dict[str, Any] | None = None,
    config: dict[str, Any] | None = None,
    student: bool = False,
) -> Path:
    """Write a run folder; keys of `manifest` and `config` replace those above."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps(MANIFEST | (manifest or {})))
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG | (config or {})))
    (folder / "dataset.jsonl").write_text('{"messages": []}\n' * 40)
    for name in ("rejected.jsonl", "README.md", "report.html"):
        (folder / name).write_text(f"{name}\n")
    scores = [0.0, 0.5, None, 1.0]
    pl.DataFrame({"id": list("abcd"), "score": scores}).write_parquet(folder / "examples.parquet")
    pl.DataFrame({"key": ["k"]}).write_parquet(folder / "responses.parquet")
    if student:
        (folder / "student").mkdir(exist_ok=True)
        (folder / "student" / "student.json").write_text('{"kind": "stub"}')
    return folder

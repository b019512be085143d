"""Run folders as runs leave them, made by hand, for pairs of every kind."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from distill.table import GENERATED_COLUMNS, JUDGED_COLUMNS, SEED_COLUMNS, add_columns

SHA = {"a": "a" * 64, "b": "b" * 64}
IDS = {"a": "aaaa1111" + "0" * 24, "b": "bbbb2222" + "0" * 24}
TEACHER = "claude-opus-4-5-20251101"
CONFIG: dict[str, Any] = {
    "seed": 0,
    "task": {"_target_": "distill.tasks.QA", "prompt": "{question}"},
    "teacher": {"_target_": "distill.models.Claude", "model": TEACHER, "concurrency": 4},
    "judge": {"_target_": "distill.judges.Rubric", "threshold": 0.5, "model": "judge-1"},
    "filter": {"min_words": {"_target_": "distill.filters.MinWords", "min_words": 3}},
    "ledger": {"url": "outputs/ledger.db"},
    "paths": {"out": "outputs/distill/one"},
}
MANIFEST: dict[str, Any] = {
    "format": 1,
    "distill_version": "0.1.0",
    "started_at": "2026-03-01T10:00:00Z",
    "ended_at": "2026-03-01T10:05:00Z",
    "inputs": {"seeds": {"source": "seeds.jsonl", "sha256": "1" * 64, "rows": 40}},
    "versions": {"distill": "0.1.0", "polars": "2.1.0"},
    "implementation": {"stage.generate": "c0de", "stage.judge": "c0de"},
    "teacher": {
        "model": TEACHER,
        "served": [TEACHER],
        "requests": 40,
        "cached": 0,
        "failed": 0,
        "input_tokens": 4000,
        "output_tokens": 8000,
        "cost_usd": 0.5,
    },
    "judge": {
        "model": "judge-1",
        "served": ["judge-1"],
        "requests": 40,
        "cached": 0,
        "unscored": 0,
        "cost_usd": 0.25,
    },
    "diversity": {"distinct_2": 0.8, "mean_vocab_size": 20.0},
    "guards": {"contamination": "pass"},
    "verdict": "inconclusive",
    "verdict_reason": "Nothing was proved.",
}
WORDS = [f"word{i}" for i in range(400)]


def prose(rng: np.random.Generator, words: int = 30, *, of: int = len(WORDS)) -> str:
    """Return words drawn from the first `of`."""
    return " ".join(rng.choice(WORDS[:of], size=words))


def answers(count: int, *, seed: int = 0, of: int = len(WORDS)) -> list[dict[str, Any]]:
    """Return rows that are in, with answers of random words."""
    rng = np.random.default_rng(seed)
    return [
        {
            "id": f"s{i}",
            "question": f"What is thing {i}?",
            "answer": prose(rng, of=of),
            "score": 0.9,
        }
        for i in range(count)
    ]


def fallen(row: Mapping[str, Any], stage: str, reason: str, **cells: Any) -> dict[str, Any]:
    """Return a row that has fallen out."""
    return {**row, "stage": stage, "reason": reason, **cells}


def make_run(
    folder: Path,
    rows: Sequence[Mapping[str, Any]],
    *,
    side: str = "a",
    manifest: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
    heldout: pl.DataFrame | None = None,
) -> Path:
    """Write a run folder.

    Args:
        folder: Made where it is missing.
        rows: Of the table; columns that a row lacks are null.
        side: `a` or `b`: which id and digests it gets.
        manifest: Its keys replace those of `MANIFEST`.
        config: Its keys replace those of `CONFIG`, one level deep.
        heldout: What `student/heldout.parquet` holds, or `None` for no such file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    columns = {**SEED_COLUMNS, **GENERATED_COLUMNS, **JUDGED_COLUMNS}
    table = add_columns(
        pl.DataFrame(list(rows), schema_overrides=columns, infer_schema_length=None), columns
    )
    table.select(*columns).write_parquet(folder / "examples.parquet")
    kept = table.filter(pl.col("stage").is_null()).height
    figures = {
        **deepcopy(MANIFEST),
        "run_id": IDS[side],
        "dataset_sha256": SHA[side],
        "config_sha256": SHA[side],
        "rows": kept,
        "funnel": {"seeds": len(rows), "selected": kept},
        "rejected": _rejected(table),
        **(manifest or {}),
    }
    (folder / "manifest.json").write_text(json.dumps(figures))
    resolved = deepcopy(CONFIG)
    for key, value in (config or {}).items():
        both = isinstance(value, dict) and isinstance(resolved.get(key), dict)
        resolved[key] = {**resolved[key], **value} if both else value
    (folder / "config.yaml").write_text(yaml.safe_dump(resolved, sort_keys=False))
    if heldout is not None:
        (folder / "student").mkdir(exist_ok=True)
        heldout.write_parquet(folder / "student" / "heldout.parquet")
    return folder


def _rejected(table: pl.DataFrame) -> dict[str, int]:
    fell = table.filter(pl.col("stage").is_not_null())
    counts = fell.group_by("stage", "reason").len().sort("stage", "reason")
    return {f"{stage}/{reason}": n for stage, reason, n in counts.iter_rows()}


def heldout_answers(
    right: Mapping[str, Sequence[float]], *, ids: Sequence[str] | None = None
) -> pl.DataFrame:
    """Return a file of held-out answers.

    Args:
        right: (items,) score of each item, by arm.
        ids: Of the items; `None` counts them.
    """
    n = len(next(iter(right.values())))
    names = list(ids) if ids is not None else [f"h{i}" for i in range(n)]
    frame = pl.DataFrame(
        {
            "id": names,
            "question": [f"What of {name}?" for name in names],
            "reference": [f"answer {name}" for name in names],
            "slice": ["even" if i % 2 == 0 else "odd" for i in range(n)],
        }
    )
    for arm, scores in right.items():
        said = [
            f"answer {name}" if s == 1 else "wrong" for name, s in zip(names, scores, strict=True)
        ]
        frame = frame.with_columns(
            pl.Series(f"answer/{arm}", said, dtype=pl.String),
            pl.Series(f"score/{arm}", list(scores), dtype=pl.Float64),
        )
    return frame


EVAL = {"metric": "accuracy", "arm": "real_and_distilled", "accuracy": 0.8, "n": 200}

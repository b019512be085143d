"""Changes to a run folder, as damage, another release or an enemy makes them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from distill.identity import config_sha256

DIGESTED = ("config.yaml", "rejected.jsonl", "examples.parquet", "responses.parquet")


def copied(run: Path, name: str = "copy") -> Path:
    """Return a copy of a run folder."""
    copy = run.with_name(name)
    shutil.copytree(run, copy)
    return copy


def edit_manifest(run: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the manifest in place."""
    path = run / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    change(manifest)
    path.write_text(json.dumps(manifest), encoding="utf-8")


def edit_config(run: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the stored config in place, and make the manifest say that it was always so."""
    path = run / "config.yaml"
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(config)
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    edit_manifest(run, lambda manifest: manifest.update(config_sha256=config_sha256(config)))
    vouch(run)


def vouch(run: Path) -> None:
    """Make the manifest's digests those of the files as they are."""

    def change(manifest: dict[str, Any]) -> None:
        manifest["files"] = {
            name: hashlib.sha256((run / name).read_bytes()).hexdigest() for name in DIGESTED
        }

    edit_manifest(run, change)


def edit_response(run: Path, contains: str, old: str, new: str, column: str = "body") -> None:
    """Change one stored response: the first whose request or body holds a text."""
    path = run / "responses.parquet"
    rows = pl.read_parquet(path).to_dicts()
    row = next(row for row in rows if contains in row["request"] and old in row[column])
    row[column] = row[column].replace(old, new, 1)
    pl.DataFrame(rows, schema=pl.read_parquet_schema(path)).write_parquet(path)


def drop_response(run: Path, contains: str, model: str) -> None:
    """Take one stored response away: a model's first whose request holds a text."""
    path = run / "responses.parquet"
    rows = pl.read_parquet(path).to_dicts()
    at = next(
        i for i, row in enumerate(rows) if contains in row["request"] and row["model"] == model
    )
    kept = rows[:at] + rows[at + 1 :]
    pl.DataFrame(kept, schema=pl.read_parquet_schema(path)).write_parquet(path)

"""Runs that earlier releases left must rebuild for ever; see tests/frozen/README.md."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from workbench import Workbench

from distill.manifest import FORMAT

FROZEN = Path(__file__).parents[1] / "frozen"
RUNS = sorted(path.parent for path in FROZEN.rglob("manifest.json"))
MOST_BYTES = 100_000


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run.parent.name}/{run.name}")
def test_a_frozen_run_rebuilds(bench: Workbench, cut_off: Callable[[], None], run: Path) -> None:
    shutil.copytree(run, bench.out)
    cut_off()

    ended = bench.main(["reproduce", "runs/one"])

    assert ended.status == 0, ended.out + ended.err
    assert ended.out.count(" identical, sha256 ") == 3
    assert bench.api.count() == 0


def test_every_format_has_frozen_runs() -> None:
    formats = {json.loads((run / "manifest.json").read_text())["format"] for run in RUNS}

    assert formats == set(range(1, FORMAT + 1))


def test_the_frozen_runs_are_small_and_pass_every_stage() -> None:
    files = [path for path in FROZEN.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < MOST_BYTES

    tables = {run.name: pl.read_parquet(run / "examples.parquet") for run in RUNS}
    fates = set(tables["qa"].select("stage", "reason").drop_nulls().rows())
    assert fates == {
        ("generate", "refusal"),
        ("generate", "error"),
        ("filter", "min_words"),
        ("filter", "uncertainty"),
        ("judge", "below_threshold"),
        ("select", "over_max_rows"),
    }
    for table in tables.values():
        assert set(table["source"]) == {"teacher", "real"}
    assert tables["qa"]["sample"].max() == 1
    assert tables["classify"]["raw_label_probs"].drop_nulls().len() > 0

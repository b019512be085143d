"""`croissant.json` is read and checked by MLCommons' own library."""

from __future__ import annotations

import json

import polars as pl
import pytest
from workbench import Workbench

pytestmark = [
    # The library's own.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def test_mlcroissant_finds_no_fault_and_reads_the_rows(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = bench.run("filter.min_words.min_words=1000")
    assert ended.status == 0, ended.err
    import mlcroissant

    dataset = mlcroissant.Dataset(bench.out / "croissant.json")
    issues = dataset.metadata.ctx.issues

    assert issues.errors == set()
    assert issues.warnings == set()
    table = pl.read_parquet(bench.out / "examples.parquet")
    rows = list(dataset.records("examples"))
    assert len(rows) == table.height
    assert [row["examples/id"].decode() for row in rows] == table["id"].to_list()
    assert {row["examples/stage"].decode() for row in rows} == {"filter"}


def test_it_names_the_dataset_by_its_digest(bench: Workbench) -> None:
    bench.run()
    told = json.loads((bench.out / "croissant.json").read_text(encoding="utf-8"))

    files = {one["name"]: one["sha256"] for one in told["distribution"]}
    assert files["dataset.jsonl"] == bench.manifest["dataset_sha256"]
    assert files["examples.parquet"] == bench.manifest["files"]["examples.parquet"]
    assert told["url"] == f"urn:sha256:{bench.manifest['dataset_sha256']}"

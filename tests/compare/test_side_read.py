"""A run folder that is damaged ends in one sentence."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from compared_runs import answers, heldout_answers, make_run

from distill.compare.side import read_side
from distill.errors import UserError

HELDOUT = heldout_answers({"real_and_distilled": [1.0, 0.0]})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_run(tmp_path / "one", answers(3), heldout=HELDOUT)


def refused(folder: Path) -> str:
    with pytest.raises(UserError) as caught:
        read_side(folder)
    assert caught.value.exit_status == 2
    return str(caught.value)


def edit(folder: Path, **changes: Any) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_whole_folder_is_read(folder: Path) -> None:
    side = read_side(folder)
    assert (side.name, side.task, side.varied, side.dataset.height) == ("one", "QA", "answer", 3)
    assert side.arms == ("real_and_distilled",)


def test_a_point_of_a_sweep_is_called_by_its_values(folder: Path) -> None:
    edit(folder, sweep={"id": "x", "point": "seed=1"})
    assert read_side(folder).name == "seed=1"


@pytest.mark.parametrize("name", ["manifest.json", "config.yaml", "examples.parquet"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert str(folder) in refused(folder)


@pytest.mark.parametrize(
    "name", ["manifest.json", "config.yaml", "examples.parquet", "student/heldout.parquet"]
)
@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"PAR1" + b"\x00" * 40 + b"PAR1"])
def test_a_damaged_file_is_told_in_a_sentence(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    assert str(folder) in refused(folder)


@pytest.mark.parametrize("name", ["examples.parquet", "student/heldout.parquet"])
def test_a_parquet_file_that_was_cut_or_flipped_never_ends_the_process(
    folder: Path, name: str
) -> None:
    whole = (folder / name).read_bytes()
    for at in range(0, len(whole), max(1, len(whole) // 60)):
        (folder / name).write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        with suppress(UserError):
            read_side(folder)
        (folder / name).write_bytes(whole[:at])
        refused(folder)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"funnel": {"seeds": "many"}}, "funnel.seeds: got 'many'"),
        ({"funnel": 3}, "funnel: got 3"),
        ({"rows": None}, "rows: got nothing"),
        ({"teacher": {"requests": 1}}, "teacher.model is missing"),
        ({"diversity": {"distinct_2": float("nan")}}, "diversity.distinct_2"),
        ({"eval": {"accuracy": "good"}}, "eval.accuracy: got 'good'"),
        ({"dataset_sha256": None}, "dataset_sha256"),
    ],
)
def test_a_figure_of_a_wrong_kind_is_named(folder: Path, changes: Any, said: str) -> None:
    edit(folder, **changes)
    told = refused(folder)
    assert said in told
    assert "manifest.json" in told


def test_a_manifest_of_an_older_release_needs_its_digests_only(folder: Path) -> None:
    path = folder / "manifest.json"
    kept = ("run_id", "dataset_sha256", "config_sha256", "rows")
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({key: manifest[key] for key in kept} | {"novelty": [1, 2]}))
    assert read_side(folder).figures.teacher is None


def test_a_table_without_a_needed_column_is_damaged(folder: Path) -> None:
    path = folder / "examples.parquet"
    pl.read_parquet(path).drop("answer").write_parquet(path)
    assert "it lacks answer" in refused(folder)


def test_a_table_without_optional_columns_is_read(folder: Path) -> None:
    path = folder / "examples.parquet"
    needed = ("id", "question", "answer", "stage", "reason")
    pl.read_parquet(path).select(needed).write_parquet(path)
    assert read_side(folder).table["score"].null_count() == 3


@pytest.mark.parametrize("column", ["id", "question"])
def test_a_row_without_id_or_question_is_damage(folder: Path, column: str) -> None:
    path = folder / "examples.parquet"
    empty = pl.when(pl.col("id") == "s1").then(None).otherwise(column).alias(column)
    pl.read_parquet(path).with_columns(empty).write_parquet(path)
    assert f"a row has no {column}" in refused(folder)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (HELDOUT.drop("reference"), "it lacks reference"),
        (HELDOUT.drop("answer/real_and_distilled"), "it lacks answer/real_and_distilled"),
        (heldout_answers({"x": [2.0, 0.0]}), "holds what is no share"),
        (heldout_answers({"x": [float("nan"), 0.0]}), "holds what is no share"),
        (heldout_answers({"x": [1.0, 0.0]}, ids=["h", "h"]), "an id stands there twice"),
        (HELDOUT.with_columns(pl.lit("x").alias("score/real_and_distilled")), "damaged"),
    ],
)
def test_held_out_answers_that_make_no_sense_are_damage(
    folder: Path, file: pl.DataFrame, said: str
) -> None:
    file.write_parquet(folder / "student" / "heldout.parquet")
    assert said in refused(folder)


def test_held_out_answers_without_slices_are_read(folder: Path) -> None:
    HELDOUT.drop("slice").write_parquet(folder / "student" / "heldout.parquet")
    side = read_side(folder)
    assert side.heldout is not None
    assert side.heldout["slice"].null_count() == 2

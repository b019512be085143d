"""Held-out examples are read strictly: what is true must be said under its own key."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from distill.component import is_component
from distill.errors import DataError
from distill.heldout import FileHeldout, Heldout
from distill.heldout.file import SCHEMA
from distill.paths import conf_dir

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def read(path: Path | str) -> pl.DataFrame:
    records = FileHeldout(path=str(path), max_question_chars=1000).read()
    assert records is not None
    return records.frame


def written(tmp_path: Path, *rows: dict[str, Any]) -> Path:
    path = tmp_path / "heldout.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def test_no_path_is_no_held_out_set() -> None:
    assert FileHeldout(path=None, max_question_chars=1).read() is None


def test_a_question_and_its_reference_get_their_defaults(tmp_path: Path) -> None:
    frame = read(written(tmp_path, {"question": "Why?", "reference_answer": "So."}))
    assert dict(frame.schema) == SCHEMA
    name = hashlib.sha256(b"Why?").hexdigest()[:16]
    assert frame.row(0) == (name, "Why?", "So.", None, "human", None)


def test_a_human_score_is_kept_beside_the_other_keys(tmp_path: Path) -> None:
    row = {"question": "a", "reference_answer": "b", "human_score": 1, "answer": "c"}
    frame = read(written(tmp_path, row))
    assert json.loads(frame["extra"][0]) == {"answer": "c", "human_score": 1.0}


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        pytest.param(
            {"label": "x"},
            "no reference_answer, want text under reference_answer.\n"
            "  hint: rename label to reference_answer",
            id="another key",
        ),
        pytest.param({"reference_answer": " "}, "reference_answer ' ', which is blank", id="blank"),
        pytest.param({"reference_answer": 18}, 'hint: write it as text, "18"', id="number"),
        pytest.param({"human_score": 1.1}, "human_score 1.1, want a number in [0, 1]", id="high"),
        pytest.param({"human_score": True}, "human_score true, want a number", id="bool"),
        pytest.param({"human_score": "0.5"}, "human_score '0.5', want a number", id="text"),
    ],
)
def test_a_faulty_row_is_told_with_its_line(
    tmp_path: Path, keys: dict[str, Any], told: str
) -> None:
    good = {"question": "a", "reference_answer": "b"}
    bad = {"question": "c", **({} if "label" in keys else {"reference_answer": "d"}), **keys}
    with pytest.raises(DataError) as caught:
        read(written(tmp_path, good, bad))
    (fault,) = caught.value.faults
    assert fault.where.endswith("heldout.jsonl:2")
    assert told in str(fault)


def test_a_human_score_in_csv_is_read_as_the_number_that_it_spells(tmp_path: Path) -> None:
    path = tmp_path / "heldout.csv"
    path.write_text("question,reference_answer,human_score\na,b,0.25\nc,d,\n")
    assert read(path)["extra"].to_list() == ['{"human_score":0.25}', None]
    path.write_text("question,reference_answer,human_score\na,b,nan\nc,d,high\n")
    with pytest.raises(DataError) as caught:
        read(path)
    assert [fault.where[-1] for fault in caught.value.faults] == ["2", "3"]


def test_csv_without_references_is_one_fault(tmp_path: Path) -> None:
    path = tmp_path / "heldout.csv"
    path.write_text("question,label\na,b\nc,d\n")
    with pytest.raises(DataError, match="want a header with reference_answer") as caught:
        read(path)
    assert len(caught.value.faults) == 1


def test_synthetic_items_are_read_for_the_guard_to_see(tmp_path: Path) -> None:
    row = {"question": "a", "reference_answer": "b", "origin": "synthetic"}
    assert read(written(tmp_path, row))["origin"].to_list() == ["synthetic"]


def test_the_shipped_configs_are_a_component_and_none() -> None:
    config = yaml.safe_load((conf_dir() / "heldout" / "file.yaml").read_text())
    assert config.pop("_target_") == "distill.heldout.FileHeldout"
    assert config == {"path": None, "max_question_chars": 100_000}
    assert is_component(FileHeldout)
    assert isinstance(FileHeldout(**config), Heldout)
    none = (conf_dir() / "heldout" / "none.yaml").read_text()
    assert none.startswith("# @package _global_\n")
    assert yaml.safe_load(none) == {"heldout": None}


@pytest.mark.skipif(not DATA.is_dir(), reason="the real data sets are not beside this checkout")
@pytest.mark.parametrize(
    ("name", "rows"),
    [
        pytest.param("gsm8k/heldout.jsonl", 700, id="gsm8k"),
        pytest.param("banking77/heldout.jsonl", 3080, id="banking77"),
    ],
)
def test_real_files_are_read_whole(name: str, rows: int) -> None:
    frame = read(DATA / name)
    assert frame.height == rows
    assert frame["reference"].null_count() == 0

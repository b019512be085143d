"""Seeds come out of a file as it says, with defaults where it says nothing."""

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
from distill.paths import conf_dir
from distill.seeds import FileSeeds, Seeds
from distill.seeds.file import SCHEMA
from distill.table import SEED_COLUMNS

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def read(path: Path | str, **keys: Any) -> pl.DataFrame:
    return (
        FileSeeds(path=str(path), **{"real_labels": 0, "max_question_chars": 100_000, **keys})
        .read()
        .frame
    )


def written(tmp_path: Path, *rows: dict[str, Any]) -> Path:
    path = tmp_path / "seeds.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def test_a_question_alone_gets_its_defaults(tmp_path: Path) -> None:
    frame = read(written(tmp_path, {"question": "Why?"}))
    assert dict(frame.schema) == SCHEMA
    assert frame.row(0, named=True) == {
        "id": hashlib.sha256(b"Why?").hexdigest()[:16],
        "question": "Why?",
        "origin": "human",
        "parent_id": None,
        "reference": None,
        "slice": None,
        "extra": None,
    }


def test_known_keys_become_columns_and_all_others_are_kept(tmp_path: Path) -> None:
    row = {
        "id": "a",
        "question": " as it is\n",
        "origin": "synthetic",
        "parent_id": "b",
        "label": "x",
        "slice": "s",
        "topic": {"k": [1, None, "ü"]},
    }
    assert read(written(tmp_path, row)).row(0) == (
        "a",
        " as it is\n",
        "synthetic",
        "b",
        "x",
        "s",
        '{"topic":{"k":[1,null,"ü"]}}',
    )


@pytest.mark.parametrize(
    ("row", "reference", "extra"),
    [
        pytest.param({"reference_answer": "1"}, "1", None, id="reference_answer"),
        pytest.param({"answer": "2"}, "2", None, id="answer"),
        pytest.param({"label": "3"}, "3", None, id="label"),
        pytest.param({"label": "3", "answer": "2"}, "2", '{"label":"3"}', id="answer first"),
        pytest.param(
            {"reference_answer": None, "label": "3"}, "3", '{"reference_answer":null}', id="null"
        ),
    ],
)
def test_the_human_answer_is_the_first_that_is_there(
    tmp_path: Path, row: dict[str, Any], reference: str, extra: str | None
) -> None:
    frame = read(written(tmp_path, {"question": "a", **row}))
    assert frame["reference"].to_list() == [reference]
    assert frame["extra"].to_list() == [extra]


def test_the_order_is_that_of_the_file(tmp_path: Path) -> None:
    names = [f"q{(i * 7919) % 50_000}" for i in range(50_000)]
    frame = read(written(tmp_path, *({"question": name} for name in names)))
    assert frame["question"].to_list() == names


def test_the_limit_on_questions_is_inclusive(tmp_path: Path) -> None:
    path = written(tmp_path, {"question": "äöü"})
    assert read(path, max_question_chars=3).height == 1
    with pytest.raises(DataError, match="question of 3 characters, want at most 2"):
        read(path, max_question_chars=2)


def test_the_shipped_config_builds_a_component() -> None:
    config = yaml.safe_load((conf_dir() / "seeds" / "file.yaml").read_text())
    assert config.pop("_target_") == "distill.seeds.FileSeeds"
    assert config == {"path": "???", "real_labels": 0, "max_question_chars": 100_000}
    assert is_component(FileSeeds)
    assert isinstance(FileSeeds(**config), Seeds)


def test_the_columns_are_those_of_the_table() -> None:
    made_later = {"seed_id", "sample", "source", "stage", "reason", "detail"}
    assert set(SEED_COLUMNS) - made_later <= set(SCHEMA)


@pytest.mark.skipif(not DATA.is_dir(), reason="the real data sets are not beside this checkout")
@pytest.mark.parametrize(
    ("name", "rows", "labelled", "origin"),
    [
        pytest.param("gsm8k/train.jsonl", 7473, 7473, "human", id="gsm8k"),
        pytest.param("banking77/train.jsonl", 10003, 10003, "log", id="banking77"),
        pytest.param("gsm8k/recorded_answers.jsonl", 700, 0, "human", id="recorded"),
    ],
)
def test_real_files_are_read_whole(name: str, rows: int, labelled: int, origin: str) -> None:
    frame = read(DATA / name)
    assert frame.height == rows
    assert frame["reference"].count() == labelled
    assert frame["origin"].unique().to_list() == [origin]

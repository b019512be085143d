"""The labelled file: what it may hold, and what is told of its faults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from distill.calibrate.labelled import judge_sha256, read_labelled
from distill.errors import DataError, UserError

ROW = {"question": "Why?", "answer": "Because.", "human_score": 1}


def written(folder: Path, *rows: Any) -> str:
    path = folder / "labels.jsonl"
    text = "".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows)
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("label", "score"),
    [(1, 1.0), (0, 0.0), (0.25, 0.25), (True, 1.0), (False, 0.0), (None, None)],
)
def test_a_label_is_a_share_or_true_or_false_or_nothing(
    tmp_path: Path, label: Any, score: float | None
) -> None:
    labelled = ROW | {"question": "And?"}
    frame = read_labelled(written(tmp_path, ROW | {"human_score": label}, labelled)).frame
    assert frame["human"].to_list() == [score, 1.0]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        pytest.param(ROW | {"human_score": 4}, "human_score 4, want a number in [0, 1]", id="4"),
        pytest.param(ROW | {"human_score": "yes"}, "human_score 'yes', want a number", id="word"),
        pytest.param(ROW | {"human_score": "true"}, "human_score 'true', want", id="quoted"),
        pytest.param(ROW | {"human_score_2": -1}, "human_score_2 -1, want a number", id="second"),
        pytest.param(ROW | {"answer": "  "}, "answer '  ', which is blank", id="blank"),
        pytest.param(ROW | {"model": 7}, "model 7, want text", id="model"),
        pytest.param('{"question": "a"', "labels.jsonl:2", id="cut"),
        pytest.param({"question": "a", "human_score": 1}, "no answer", id="no answer"),
        pytest.param({"answer": "a", "human_score": 1}, "no question", id="no question"),
        pytest.param(
            {"question": "a", "answer": "b", "human_score_2": 1},
            "human_score_2 without human_score",
            id="second alone",
        ),
        pytest.param(ROW, "which line 1 has too", id="twice"),
    ],
)
def test_a_fault_is_told_with_its_line(tmp_path: Path, row: Any, told: str) -> None:
    with pytest.raises(DataError) as raised:
        read_labelled(written(tmp_path, ROW, row))
    assert "labels.jsonl:2: " in str(raised.value)
    assert told in str(raised.value)


def test_a_score_of_no_answer_hints_at_what_is_missing(tmp_path: Path) -> None:
    heldout = {"question": "a", "reference_answer": "b", "human_score": 1}
    with pytest.raises(DataError, match="human_score is the score of an answer"):
        read_labelled(written(tmp_path, heldout))


def test_a_file_without_any_label_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no row has a human_score"):
        read_labelled(written(tmp_path, ROW | {"human_score": None}))


def test_the_same_question_may_have_several_answers_and_authors(tmp_path: Path) -> None:
    rows = [ROW, ROW | {"answer": "Hence."}, ROW | {"model": "a"}, ROW | {"model": "b"}]
    frame = read_labelled(written(tmp_path, *rows)).frame
    assert frame["id"].n_unique() == 4
    assert frame["author"].to_list() == [None, None, "a", "b"]


def test_csv_and_parquet_say_the_same_as_json_lines(tmp_path: Path) -> None:
    rows = [
        ROW | {"reference_answer": "So.", "human_score_2": 0.5, "id": "x"},
        {"question": "雪?", "answer": "a, b", "human_score": 0, "id": "y"},
        {"question": "c", "answer": "d", "human_score": None, "id": "z"},
    ]
    wanted = read_labelled(written(tmp_path, *rows)).frame
    frame = pl.DataFrame(rows)
    frame.write_csv(tmp_path / "labels.csv")
    frame.write_parquet(tmp_path / "labels.parquet")
    for name in ("labels.csv", "labels.parquet"):
        assert read_labelled(str(tmp_path / name)).frame.equals(wanted), name


def test_csv_spells_true_and_false(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("question,answer,human_score\na,b,TRUE\nc,d,false\ne,f,\n")
    assert read_labelled(str(path)).frame["human"].to_list() == [1.0, 0.0, None]


def test_a_csv_without_the_column_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("question,answer\na,b\nc,d\n")
    with pytest.raises(DataError) as raised:
        read_labelled(str(path))
    assert len(raised.value.faults) == 1
    assert "human_score" in str(raised.value)


def judge(**keys: Any) -> dict[str, Any]:
    return {"judge": {"_target_": "x", "threshold": 0.7, "band": None, "canaries": 0, **keys}}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param({}, {"threshold": 0.8}, True, id="threshold"),
        pytest.param({"band": 0.1}, {"band": 0.1, "threshold": 0.8}, False, id="band"),
        pytest.param({}, {"canaries": 12}, True, id="canaries"),
        pytest.param({}, {"base_url": "http://a.example", "concurrency": 2}, True, id="host"),
        pytest.param({}, {"system": "Be strict."}, False, id="words"),
        pytest.param({}, {"via": {"samples": 3}}, False, id="votes"),
    ],
)
def test_a_judge_is_the_same_where_it_gives_the_same_scores(
    one: dict[str, Any], other: dict[str, Any], same: bool
) -> None:
    assert (judge_sha256(judge(**one)) == judge_sha256(judge(**other))) is same

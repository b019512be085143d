from __future__ import annotations

import hashlib
import json
from pathlib import Path

from tables import answered_table

from distill.exports import Chat, Completion, StepByStep
from distill.stages.export import export_dataset, export_rejected
from distill.table import JUDGED_COLUMNS, add_columns, drop

TABLE = answered_table(['A\u2028B\n"C"', "雪 🙂"], question=["q1", "Ünïcode?"])


def test_a_chat_has_the_turns_of_user_and_assistant() -> None:
    lines = list(Chat(system=None).lines(TABLE))

    assert lines[1] == {
        "messages": [
            {"role": "user", "content": "Ünïcode?"},
            {"role": "assistant", "content": "雪 🙂"},
        ]
    }


def test_a_system_prompt_comes_first_an_empty_one_too() -> None:
    for system in ("Be exact.", ""):
        first = next(iter(Chat(system=system).lines(TABLE)))["messages"][0]
        assert first == {"role": "system", "content": system}


def test_a_completion_is_prompt_and_completion() -> None:
    assert next(iter(Completion().lines(TABLE))) == {"prompt": "q1", "completion": 'A\u2028B\n"C"'}


def test_step_by_step_parts_a_rationale_that_was_kept_apart_or_stands_before_the_marker() -> None:
    answers = ["4 + 4\n#### 8", "9", "bare"]
    table = answered_table(answers, rationale=["4 + 4", "it is so", None])

    assert list(StepByStep(marker="####").lines(table)) == [
        {"input": "r0", "label": "8", "rationale": "4 + 4"},
        {"input": "r1", "label": "9", "rationale": "it is so"},
        {"input": "r2", "label": "bare", "rationale": None},
    ]


def test_the_digest_is_that_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "dataset.jsonl"
    digest = export_dataset(TABLE, Completion(), path)
    data = path.read_bytes()

    assert digest == hashlib.sha256(data).hexdigest()
    assert data.count(b"\n") == 2
    assert "雪 🙂".encode() in data
    assert [json.loads(line)["prompt"] for line in data.decode().split("\n")[:-1]] == [
        "q1",
        "Ünïcode?",
    ]


def test_rejected_rows_have_seven_columns(tmp_path: Path) -> None:
    import polars as pl

    table = add_columns(TABLE, JUDGED_COLUMNS).with_columns(score=pl.lit(0.25))
    table = drop(table, pl.col("id") == "r1", stage="judge", reason="below_threshold")
    export_rejected(table, tmp_path / "rejected.jsonl")

    assert json.loads((tmp_path / "rejected.jsonl").read_text(encoding="utf-8")) == {
        "id": "r1",
        "question": "Ünïcode?",
        "answer": "雪 🙂",
        "stage": "judge",
        "reason": "below_threshold",
        "score": 0.25,
        "detail": None,
    }

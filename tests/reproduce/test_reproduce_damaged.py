"""Runs that are not what they were: what is told, and that the row is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fake_api import good_answer
from stored_runs import (
    copied,
    drop_response,
    edit_config,
    edit_manifest,
    edit_response,
    vouch,
)
from workbench import QUESTIONS, Ended, Workbench

TEACHER = "claude-opus-4-5-20251101"
JUDGE = "claude-sonnet-4-6"
FILES = ("config.yaml", "dataset.jsonl", "examples.parquet", "responses.parquet")
ALTERED = "not the file that the run left (its SHA-256 is another)"


@pytest.fixture
def run(bench: Workbench) -> Path:
    """A run of six rows, one of which the judge drops."""
    bench.api.grade = lambda prompt, body, attempt: 2 if QUESTIONS[3] in prompt else 5
    ended = bench.run()
    assert ended.status == 0, ended.err
    return bench.out


def reproduced(bench: Workbench, *words: str) -> Ended:
    ended = bench.main(["reproduce", "runs/one", *words])
    assert not ended.has_traceback
    return ended


@pytest.mark.parametrize("vouched", [False, True], ids=["as found", "with the digests forged"])
def test_one_byte_of_a_stored_answer_is_found_and_its_row_named(
    bench: Workbench, run: Path, vouched: bool
) -> None:
    edit_response(run, QUESTIONS[2], "thoroughly", "thoroughlx")
    if vouched:
        vouch(run)

    ended = reproduced(bench)

    assert ended.status == 1
    assert "dataset: differs" in ended.out
    assert "row s2, answer: " in ended.out
    assert "thoroughlx" in ended.out
    assert "(generate)" in ended.out
    assert "1 of 6 rows differ" in ended.out
    assert (f"responses.parquet: {ALTERED}" in ended.out) is not vouched


def test_one_byte_of_a_judgement_is_found_although_the_dataset_is_the_same(
    bench: Workbench, run: Path
) -> None:
    edit_response(run, QUESTIONS[3], '\\"clarity\\": 2', '\\"clarity\\": 1')
    vouch(run)

    ended = reproduced(bench)

    assert ended.status == 1
    assert "dataset: identical" in ended.out
    assert "row s3, judge_scores: " in ended.out
    assert "(judge)" in ended.out


def test_a_changed_judgement_that_lets_a_row_in_is_the_judges(bench: Workbench, run: Path) -> None:
    for name in ("accuracy", "clarity", "completeness"):
        edit_response(run, QUESTIONS[3], f'\\"{name}\\": 2', f'\\"{name}\\": 5')
    vouch(run)

    ended = reproduced(bench)

    assert ended.status == 1
    assert "dataset: differs" in ended.out
    assert "row s3, score: 1.0 rebuilt, 0.0 in the run (judge)" in ended.out


def test_one_byte_of_a_stored_request_is_found_and_its_row_named(
    bench: Workbench, run: Path
) -> None:
    edit_response(run, QUESTIONS[1], "garbage", "garbagf", column="request")
    vouch(run)

    ended = reproduced(bench)

    assert ended.status == 1
    assert "the response of row s1 (generate) does not belong to its request" in ended.out


def test_what_changes_nothing_in_the_table_is_found_by_the_digest(
    bench: Workbench, run: Path
) -> None:
    edit_response(run, QUESTIONS[1], "msg_fake", "msg_fakf")

    ended = reproduced(bench)

    assert ended.status == 1
    assert "dataset: identical" in ended.out
    assert f"responses.parquet: {ALTERED}" in ended.out
    assert "rows differ" not in ended.out


@pytest.mark.parametrize("model", [TEACHER, JUDGE])
def test_a_missing_response_is_named_with_its_row_and_stage(
    bench: Workbench, run: Path, model: str
) -> None:
    drop_response(run, QUESTIONS[4], model)
    vouch(run)

    ended = reproduced(bench)

    stage = "generate" if model == TEACHER else "judge"
    assert ended.status == 1
    assert f"row s4: its response is missing ({stage})." in ended.out
    assert f"({stage})" in ended.out.splitlines()[-1]


def test_a_missing_response_is_taken_from_the_ledger_that_is_named(
    bench: Workbench, run: Path
) -> None:
    drop_response(run, QUESTIONS[4], TEACHER)
    vouch(run)

    assert reproduced(bench, "ledger.url=ledger.db").status == 0


def test_a_missing_response_is_missed_although_its_row_fell_out_anyway(
    bench: Workbench, run: Path
) -> None:
    drop_response(run, QUESTIONS[3], JUDGE)
    vouch(run)

    ended = reproduced(bench)

    assert ended.status == 1
    assert "dataset: identical" in ended.out
    assert "row s3: its response is missing (judge)." in ended.out


def test_many_missing_responses_are_counted(bench: Workbench, run: Path) -> None:
    path = run / "responses.parquet"
    pl.read_parquet(path).filter(model="none").write_parquet(path)
    vouch(run)

    ended = reproduced(bench)

    assert ended.status == 1
    assert ended.out.count("its response is missing (generate)") == 3
    assert "So it is with 3 more responses." in ended.out


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        pytest.param('{"content"', '"content"', "it cannot be read", id="no JSON"),
        pytest.param('"input_tokens":', '"input_tokens":1e999,"x":', "cannot be read", id="inf"),
        pytest.param(f'"model":"{TEACHER}"', '"model":"other"', "come from 'other'", id="model"),
    ],
)
def test_a_response_that_cannot_be_used_is_named(
    bench: Workbench, run: Path, old: str, new: str, why: str
) -> None:
    edit_response(run, QUESTIONS[4], old, new)
    vouch(run)

    ended = reproduced(bench)

    assert ended.status == 1
    assert "row s4: its response is damaged" in ended.out
    assert why in ended.out


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
def test_a_missing_file_is_named(bench: Workbench, run: Path, name: str) -> None:
    (run / name).unlink()

    ended = reproduced(bench)

    assert ended.status == 1
    assert f"{name}: missing from the run in" in ended.out + ended.err


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.98])
def test_a_truncated_file_is_named(bench: Workbench, run: Path, name: str, share: float) -> None:
    data = (run / name).read_bytes()
    (run / name).write_bytes(data[: int(len(data) * share)])

    ended = reproduced(bench)

    assert ended.status in ({1, 2} if name == "config.yaml" else {1})
    assert f"{name}: " in ended.out + ended.err


@pytest.mark.parametrize("name", FILES)
def test_any_flipped_byte_is_found(bench: Workbench, run: Path, name: str) -> None:
    data = (run / name).read_bytes()
    step = max(1, len(data) // 24)
    for at in range(step // 2, len(data), step):
        (run / name).write_bytes(data[:at] + bytes([data[at] ^ 0x11]) + data[at + 1 :])
        ended = reproduced(bench)
        assert ended.status in {1, 2}, at
        assert name in ended.out + ended.err, at


def test_a_damaged_line_of_the_dataset_is_named_with_its_row(bench: Workbench, run: Path) -> None:
    lines = (run / "dataset.jsonl").read_bytes().split(b"\n")
    lines[3] = lines[3].replace(b"thoroughly", b"thoroughlx", 1)
    (run / "dataset.jsonl").write_bytes(b"\n".join(lines))

    ended = reproduced(bench, "--out", "mended")

    assert ended.status == 1
    assert "dataset: identical" in ended.out
    # The third row fell out: line 4 is the fifth row.
    assert "dataset.jsonl: line 4, row s4, is not what the run wrote" in ended.out
    mended = (bench.folder / "mended" / "dataset.jsonl").read_bytes()
    assert mended != (run / "dataset.jsonl").read_bytes()


def test_a_line_that_was_added_to_the_dataset_is_named(bench: Workbench, run: Path) -> None:
    with (run / "dataset.jsonl").open("a") as file:
        file.write('{"messages": []}\n')

    ended = reproduced(bench)

    assert ended.status == 1
    assert "dataset.jsonl: line 6, after the last row" in ended.out


def edit_examples(run: Path, *changes: Any) -> None:
    path = run / "examples.parquet"
    pl.read_parquet(path).with_columns(*changes).write_parquet(path)


def test_a_changed_seed_is_told_by_the_seeds_digest(bench: Workbench, run: Path) -> None:
    changed = pl.when(id="s1").then(pl.lit("changed")).otherwise("slice")
    edit_examples(run, changed.alias("slice"))
    vouch(run)

    ended = reproduced(bench)

    assert ended.status == 1
    assert "dataset: identical" in ended.out
    assert "seeds:   differs" in ended.out


def test_a_changed_cell_of_the_table_is_named(bench: Workbench, run: Path) -> None:
    edit_examples(run, pl.when(id="s1").then(0.5).otherwise("score").alias("score"))
    vouch(run)

    ended = reproduced(bench)

    assert ended.status == 1
    assert "row s1, score: 1.0 rebuilt, 0.5 in the run (judge)" in ended.out


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(pl.lit(1).alias("answer"), "the column answer is Int32", id="type"),
        pytest.param(pl.lit("x").alias("id"), "the id 'x' stands in two rows", id="ids"),
        pytest.param(pl.lit(None, pl.String).alias("question"), "row 0", id="null"),
    ],
)
def test_a_table_of_another_shape_is_told(
    bench: Workbench, run: Path, change: pl.Expr, told: str
) -> None:
    edit_examples(run, change)
    vouch(run)

    ended = reproduced(bench)

    assert ended.status == 1
    assert "examples.parquet: damaged" in ended.err
    assert told in ended.err


def test_a_table_without_a_column_is_told(bench: Workbench, run: Path) -> None:
    path = run / "responses.parquet"
    pl.read_parquet(path).drop("sample").write_parquet(path)

    ended = reproduced(bench)

    assert ended.status == 1
    assert "responses.parquet: damaged (it has no column sample)" in ended.err


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param({"format": "one"}, "format", id="format"),
        pytest.param({"dataset_sha256": "0"}, "dataset_sha256", id="digest"),
        pytest.param({"inputs": {}}, "inputs.seeds", id="inputs"),
        pytest.param({"run_id": "../x"}, "run_id", id="id"),
    ],
)
def test_a_manifest_of_another_shape_is_told(
    bench: Workbench, run: Path, change: dict[str, Any], told: str
) -> None:
    edit_manifest(run, lambda manifest: manifest.update(change))

    ended = reproduced(bench)

    assert ended.status == 1
    assert f"manifest.json: damaged ({told}" in ended.err


def test_a_changed_threshold_is_told_as_a_changed_config(bench: Workbench, run: Path) -> None:
    config = run / "config.yaml"
    config.write_text(config.read_text().replace("threshold: 0.75", "threshold: 0.0"))

    ended = reproduced(bench)

    assert ended.status == 1
    assert "config:  differs" in ended.out
    assert f"config.yaml: {ALTERED}" in ended.out
    assert "row s3, stage: nothing rebuilt, 'judge' in the run (judge)" in ended.out


def test_a_filter_whose_code_changed_is_named_before_all_else(bench: Workbench, run: Path) -> None:
    edit_config(run, lambda config: config["filter"]["min_words"].update(min_words=61))

    def change(manifest: dict[str, Any]) -> None:
        manifest["implementation"]["filter.min_words"] = "0" * 16
        manifest["implementation"]["filter.keyword_overlap"] = "0" * 16
        manifest["implementation"]["stage.judge"] = "0" * 16
        manifest["versions"]["numpy"] = "1.0.0"
        manifest["versions"]["python"] = "3.9.1"

    edit_manifest(run, change)

    ended = reproduced(bench)

    assert ended.status == 1
    assert "row s0, stage: 'filter' rebuilt, nothing in the run (filter)" in ended.out
    named = [line for line in ended.out.splitlines() if "its code is not" in line]
    assert named == [
        "filter.min_words: its code is not the code that made this dataset.",
        "filter.keyword_overlap: its code is not the code that made this dataset.",
        "the stage judge: its code is not the code that made this dataset.",
    ]
    assert "numpy: 1.0.0 made this dataset, " in ended.out
    assert "python: 3.9.1 made this dataset, " in ended.out


def test_a_changed_export_is_told_where_every_cell_is_the_same(
    bench: Workbench, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from distill.exports import Chat

    lines = Chat.lines
    monkeypatch.setattr(Chat, "lines", lambda self, table: lines(self, table.reverse()))

    ended = reproduced(bench)

    assert ended.status == 1
    assert "Every cell of the table is the same; the lines of the dataset are not (export)." in (
        ended.out
    )
    assert "no recorded code or library is another" in ended.out


def test_what_a_run_holds_cannot_write_to_the_terminal(bench: Workbench) -> None:
    rows = [{"id": f"s{i}\x1b[31m", "question": q} for i, q in enumerate(QUESTIONS)]
    bench.write("seeds.jsonl", rows)
    bench.api.teacher = good_answer
    bench.run_unjudged()
    edit_response(bench.out, QUESTIONS[0], "thoroughly", "\\u001b[2Jroughly")

    ended = reproduced(bench)

    assert ended.status == 1
    assert "row s0" in ended.out
    assert "\x1b" not in ended.out + ended.err


def test_a_copy_of_a_run_is_as_good_as_the_run(bench: Workbench, run: Path) -> None:
    copied(run, "two")

    assert bench.main(["reproduce", "runs/two"]).status == 0
    assert json.loads((bench.folder / "runs/two/manifest.json").read_text()) == bench.manifest

"""Answers with what humans say of them, read out of a file; and the answers a run's judge saw."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import polars as pl

from distill.config import Config, flatten
from distill.errors import ConfigError, Fault, UserError, shown
from distill.identity import NOT_IDENTITY
from distill.ledger import canonical_json
from distill.records import FaultLog, Fields, Records, Shape, read_records
from distill.records.ids import LINE, default_id
from distill.records.sources import Columns
from distill.table import TEACHER

REFERENCE = "reference_answer"
HUMAN, SECOND = "human_score", "human_score_2"
SCHEMA: dict[str, Any] = {
    "id": pl.String,  # of the file, or made from question, answer and author
    "question": pl.String,  # the real input
    "answer": pl.String,  # what was answered
    "reference": pl.String,  # what a human says is right; null where there is none
    "human": pl.Float64,  # a human's score in [0, 1]; null where nobody has labelled it
    "human_2": pl.Float64,  # a second human's; null where there is none
    "author": pl.String,  # the model that answered, or whoever else; null where nobody says
}
RUN_COLUMNS: dict[str, Any] = {
    "id": pl.String,
    "source": pl.String,
    "question": pl.String,
    "answer": pl.String,
    "score": pl.Float64,
}


def read_labelled(source: str) -> Records:
    """Read answers with human labels.

    Args:
        source: A .jsonl, .csv or .parquet file, or a Hugging Face dataset.

    Returns:
        Columns `SCHEMA`, in the order of the file; at least one row has a label.

    Raises:
        DataError: every fault of the file, each with its line.
        UserError: no row has a label, or a Hugging Face dataset cannot be loaded.
    """
    records = read_records(source, SHAPE)
    if records.frame["human"].is_null().all():
        raise UserError(
            f"{records.source}: no row has a {HUMAN}, so there is nothing to compare with.",
            hint=f'label some: "{HUMAN}": 1 where the answer is right, 0 where it is wrong',
        )
    return records


def _cells(fields: Fields) -> tuple[Any, ...]:
    question = fields.text("question", required=True)
    hint = f"{HUMAN} is the score of an answer: give its text under answer"
    answer = fields.text("answer", required=True, hint=hint if HUMAN in fields else None)
    author = fields.text("model")
    has_id = "id" in fields
    name = fields.text("id")
    if not has_id and question is not None and answer is not None:
        name = default_id(canonical_json([question, answer, author]))
    labels = (fields.label(HUMAN), fields.label(SECOND))
    return name, question, answer, fields.text(REFERENCE), *labels, author


def _whole(frame: pl.DataFrame, log: FaultLog) -> None:
    """Note what only all rows together show: an id twice, a second human without a first."""
    known = frame.filter(pl.col("id").is_not_null())
    twice = known.with_columns(first=pl.col(LINE).min().over("id"))
    for line, first, name in (
        twice.filter(pl.col("first") != pl.col(LINE)).select(LINE, "first", "id").iter_rows()
    ):
        hint = f'a second human\'s score belongs under "{SECOND}" of the same row'
        log.add(line, "each id or answer once", f"{shown(name)}, which line {first} has too", hint)
    alone = frame.filter(pl.col("human").is_null() & pl.col("human_2").is_not_null())
    for line in alone[LINE]:
        log.add(line, f"{HUMAN} beside it", f"{SECOND} without {HUMAN}")


SHAPE = Shape(
    schema=SCHEMA,
    columns=Columns(
        required=("question", "answer", HUMAN),
        texts=("question", "answer", "id", "model", REFERENCE),
    ),
    cells=_cells,
    whole=_whole,
)


def judge_sha256(config: Config) -> str:
    """Return the identity of a judge, 64 hex digits: threshold, hosts and speed are left out.

    Two judges with the same identity give an answer the same score.
    """
    kept = judge_settings(config.get("judge"))
    return hashlib.sha256(canonical_json(kept).encode()).hexdigest()


def judge_settings(node: Any) -> dict[str, Any]:
    """Return what shapes a judge's scores, by dotted key.

    The threshold shapes none, unless it says which answers get more votes (`judge.band`).
    """
    named = {f"judge.{key}": value for key, value in flatten(node)}
    aside = [*NOT_IDENTITY, "judge.canaries"]
    if named.get("judge.band") is None:
        aside.append("judge.threshold")
    return {
        key: value
        for key, value in named.items()
        if value is not None
        and not any(key == name or key.startswith(f"{name}.") for name in aside)
    }


def read_judged(folder: Path, config: Config, seen: pl.DataFrame) -> pl.DataFrame:
    """Return the scores of a run's answers that nobody has labelled.

    Args:
        folder: The run's folder.
        config: Ours; the run must have had the same judge.
        seen: Columns `question` and `answer`: the answers of the labelled file.

    Returns:
        Columns of `RUN_COLUMNS`, each with a score.

    Raises:
        ConfigError: the run had another judge, or its config cannot be read.
        DamagedRunError: a file is missing or cannot be read.
        UserError: the run judged nothing.
    """
    from distill.reproduce.stored import CONFIG, EXAMPLES, read_table, told_of_config
    from distill.trust import read_foreign

    with told_of_config(altered=False):
        stored = judge_settings(read_foreign(folder / CONFIG).get("judge"))
    faults = _unlike(stored, judge_settings(config["judge"])) if stored else []
    if faults:
        raise ConfigError(faults)
    rows = read_table(folder / EXAMPLES, RUN_COLUMNS, full=("id", "source", "question"))
    rows = rows.filter(pl.col("source") == TEACHER).drop_nulls(["score", "answer"])
    if rows.is_empty() or not stored:
        raise UserError(
            f"calibrate.run: the run in {folder} has no judged answer.",
            hint="name a run that had a judge",
        )
    if not rows["score"].is_between(0, 1).all():
        from distill.reproduce.damage import damaged

        raise damaged(folder / EXAMPLES, "a score outside [0, 1]")
    return rows.join(seen, on=["question", "answer"], how="anti", maintain_order="left")


def _unlike(stored: dict[str, Any], ours: dict[str, Any]) -> list[Fault]:
    hint = "its scores say nothing of another judge: give the run's own settings"
    return [
        Fault(key, f"{shown(stored.get(key))}, as the run had", shown(ours.get(key)), hint)
        for key in stored | ours
        if stored.get(key) != ours.get(key)
    ]

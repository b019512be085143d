"""Small tables in the columns of `distill.table`, and models that never answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from distill.config import compose
from distill.models import Claude, Reply
from distill.table import GENERATED_COLUMNS, SEED_COLUMNS, add_columns, fill


def seeds_table(*ids: str, **columns: Sequence[Any]) -> pl.DataFrame:
    """Return one row an id; questions are the ids where `columns` says nothing."""
    rows = [
        {"id": i, "seed_id": i, "sample": 0, "question": i, "origin": "human", "source": "teacher"}
        for i in ids
    ]
    table = pl.DataFrame(rows, schema=SEED_COLUMNS)
    return table.with_columns(
        pl.Series(name, values, dtype=SEED_COLUMNS[name]) for name, values in columns.items()
    )


def answered_table(answers: Sequence[str], **columns: Sequence[Any]) -> pl.DataFrame:
    """Return one row an answer, with all columns of a table whose teacher has answered."""
    ids = [f"r{i}" for i in range(len(answers))]
    seeded = {name: values for name, values in columns.items() if name in SEED_COLUMNS}
    table = seeds_table(*ids, **seeded)
    cells = [{"id": i, "answer": answer} for i, answer in zip(ids, answers, strict=True)]
    table = fill(table, cells, {"answer": pl.String})
    table = add_columns(table, GENERATED_COLUMNS)
    return table.with_columns(
        pl.Series(name, values, dtype=GENERATED_COLUMNS[name])
        for name, values in columns.items()
        if name not in SEED_COLUMNS
    )


def claude(**changes: Any) -> Claude:
    """Return the default teacher with some settings changed."""
    settings = compose(["seeds.path=-"])["teacher"] | changes
    settings.pop("_target_")
    return Claude(**settings)


def reply(text: str = "", **changes: Any) -> Reply:
    """Return a reply that ended as it should."""
    usual: dict[str, Any] = {
        "text": text,
        "stop_reason": "end_turn",
        "served_model": "m",
        "input_tokens": 1,
        "output_tokens": 1,
    }
    return Reply(**(usual | changes))

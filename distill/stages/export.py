"""Write the training set and everything that fell out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Any

import polars as pl

from distill.exports import Export
from distill.ledger import Entry, Ledger, entry_digest
from distill.paths import whole_file
from distill.stages.evaluate import Evaluation
from distill.table import is_in

REJECTED_COLUMNS = ("id", "question", "answer", "stage", "reason", "score", "detail")
ENTRY_COLUMNS = {
    field.name: pl.Int64 if field.type == "int" else pl.String for field in fields(Entry)
}
# Of the other columns: it says which response is damaged, where the whole file is known to be.
DIGEST = "digest"
CELLS = attrgetter(*ENTRY_COLUMNS)
RESPONSES_AT_ONCE = 5000


def export_dataset(table: pl.DataFrame, export: Export, path: Path) -> str:
    """Write the rows that are in, in the order of the seeds.

    Returns:
        The SHA-256 of the file, 64 hex digits: the dataset's identity.
    """
    return write_lines(export.lines(table.filter(is_in())), path)


def export_rejected(table: pl.DataFrame, path: Path) -> None:
    """Write every row that fell out, with its stage, its reason and the evidence there is."""
    fallen = table.filter(~is_in()).select(REJECTED_COLUMNS)
    write_lines(fallen.iter_rows(named=True), path)


def write_lines(lines: Iterable[Mapping[str, Any]], path: Path) -> str:
    """Write one JSON object a line, whole or not at all; return the SHA-256 of the file."""
    digest = hashlib.sha256()
    with whole_file(path) as draft, draft.open("wb") as file:
        for line in lines:
            data = (json.dumps(line, ensure_ascii=False) + "\n").encode()
            digest.update(data)
            file.write(data)
    return digest.hexdigest()


def export_responses(ledger: Ledger, keys: Iterable[str], path: Path) -> None:
    """Write every response that the run used, in the order of use: enough to rebuild it anywhere.

    Args:
        ledger: Where the responses are.
        keys: Ledger keys, each once.
        path: A Parquet file; the columns are those of `ledger.Entry`, and `DIGEST`.
    """
    # Polars writes a file at once; Arrow writes it piece by piece, so that memory stays flat.
    from pyarrow import parquet  # type: ignore[import-untyped]

    columns = ENTRY_COLUMNS | {DIGEST: pl.String}
    schema = pl.DataFrame(schema=columns).to_arrow().schema
    wanted = iter(keys)
    with whole_file(path) as draft, parquet.ParquetWriter(draft, schema) as writer:
        while some := list(islice(wanted, RESPONSES_AT_ONCE)):
            found = {entry.key: entry for entry in ledger.get_many(some)}
            rows = [(*CELLS(found[key]), entry_digest(found[key])) for key in some]
            frame = pl.DataFrame(rows, schema=columns, orient="row")
            writer.write_table(frame.to_arrow().cast(schema))


def export_heldout(evaluation: Evaluation, heldout: pl.DataFrame, path: Path) -> None:
    """Write every arm's answer to every held-out item, so that runs can be compared item by item.

    Args:
        evaluation: All arms.
        heldout: The held-out rows, in the order of the arms' answers.
        path: A Parquet file: `id`, `question`, `reference`, `slice`, and for each arm
            `answer/<arm>` and `score/<arm>`.
    """
    frame = heldout.select("id", "question", "reference", "slice")
    for name, arm in evaluation.arms.items():
        frame = frame.with_columns(
            pl.Series(f"answer/{name}", arm.answers, dtype=pl.String),
            pl.Series(f"score/{name}", arm.scores, dtype=pl.Float64),
        )
    with whole_file(path) as draft:
        frame.write_parquet(draft)

"""How real data is read: every fault of a file is found, with its line, before anything is spent.

JSON lines, CSV, Parquet and Hugging Face datasets become plain rows (`sources`); a kind of file
says what its rows must hold (`Shape`); a file comes out whole or as a `DataError` with all faults.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import polars as pl

from distill.ledger import canonical_json
from distill.records.faults import FaultLog, Stop
from distill.records.fields import Fields
from distill.records.ids import LINE
from distill.records.sources import Columns, Row, numbered_rows

__all__ = ["FaultLog", "Fields", "Records", "Shape", "read_first", "read_records", "rows_sha256"]

T = TypeVar("T")
INPUT_COLUMNS = ("id", "question", "origin", "parent_id", "reference", "slice", "extra")
# Rows that are held as Python objects at a time.
CHUNK_ROWS = 20_000


@dataclass(frozen=True, kw_only=True)
class Records:
    """A file that was read without a fault.

    Args:
        frame: One row a line, in the file's order.
        sha256: Of the file's bytes, 64 hex digits; of canonical JSON lines for a Hugging Face
            dataset.
        source: The file as the user wrote it.
    """

    frame: pl.DataFrame
    sha256: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What the rows of one kind of file must hold.

    Args:
        schema: Columns and types of the frame.
        columns: What CSV and Parquet can be asked for once.
        cells: Takes the cells of one row, in the order of `schema`, and notes its faults.
        whole: Notes the faults that only all rows together show; its frame has a column `LINE`
            besides, and null where a cell was faulty.
    """

    schema: Mapping[str, Any]
    columns: Columns
    cells: Callable[[Fields], tuple[Any, ...]]
    whole: Callable[[pl.DataFrame, FaultLog], None] | None = None


def read_records(source: str, shape: Shape) -> Records:
    """Read all rows of `source`.

    Args:
        source: A path that ends in .jsonl, .ndjson, .json (JSON lines too), .csv or .parquet, or a
            Hugging Face dataset: `hf://owner/name[:config]/split`, `owner/name`.
        shape: What a row must hold.

    Raises:
        DataError: every fault of the file, each with its line.
        UserError: a Hugging Face dataset cannot be loaded.
    """
    log = FaultLog(source)
    digest = hashlib.sha256()
    schema = {LINE: pl.UInt32, **shape.schema}
    chunks = [pl.DataFrame(schema=schema)]
    untyped = source.lower().endswith(".csv")
    rows = numbered_rows(source, shape.columns, log, digest)
    cells = ((line, *shape.cells(Fields(line, row, log, untyped=untyped))) for line, row in rows)
    try:
        for chunk in _chunks(cells):
            chunks.append(pl.DataFrame(chunk, schema=schema, orient="row"))
        frame = pl.concat(chunks)
        if frame.is_empty() and not log:
            is_empty = digest.digest() == hashlib.sha256().digest()
            log.add(0, "at least one row", "an empty file" if is_empty else "no rows")
        if shape.whole is not None:
            shape.whole(frame, log)
    except Stop:
        pass
    log.raise_any()
    return Records(frame=frame.drop(LINE), sha256=digest.hexdigest(), source=log.source)


def read_first(source: str) -> Row | None:
    """Return the first row that can be read, or `None`; faults are left to `read_records`.

    Raises:
        UserError: a Hugging Face dataset cannot be loaded.
    """
    rows = numbered_rows(source, Columns(), FaultLog(source), hashlib.sha256())
    try:
        return next((row for _, row in rows), None)
    except Stop:
        return None
    finally:
        rows.close()


def _chunks(rows: Iterator[T]) -> Iterator[list[T]]:
    while chunk := list(islice(rows, CHUNK_ROWS)):
        yield chunk


def rows_sha256(frame: pl.DataFrame) -> str:
    """Return the digest of a seeds or held-out frame's contents, whatever file they stood in.

    Args:
        frame: `INPUT_COLUMNS`, as far as they are there; the order of rows counts.
    """
    digest = hashlib.sha256()
    columns = [name for name in INPUT_COLUMNS if name in frame.columns]
    for row in frame.select(columns).iter_rows():
        digest.update(canonical_json(row).encode() + b"\n")
    return digest.hexdigest()

"""Rows of a Parquet file; their number, from 1, takes the place of the line."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import BinaryIO

import polars as pl

from distill.errors import shown
from distill.records.faults import FaultLog, Stop
from distill.records.sources import Columns, Row

MAX_REASON_CHARS = 200
TEXT = (pl.String, pl.Categorical, pl.Enum, pl.Null)


def parquet_rows(
    file: BinaryIO, columns: Columns, log: FaultLog, digest: hashlib._Hash
) -> Iterator[tuple[int, Row]]:
    """Yield `(row number, row)`.

    Raises:
        Stop: it is no Parquet file, or its columns are not those that are wanted.
    """
    content = file.read()
    digest.update(content)
    frame = _checked(_frame(content, log), columns, log)
    for number, row in enumerate(frame.iter_rows(named=True), 1):
        yield number, {key: value for key, value in row.items() if value is not None}


def _frame(content: bytes, log: FaultLog) -> pl.DataFrame:
    if not content:
        return pl.DataFrame()
    # Polars' own reader ends the whole process on some damaged files; Arrow's raises.
    import pyarrow  # type: ignore[import-untyped]
    from pyarrow import parquet

    try:
        table = parquet.read_table(pyarrow.BufferReader(content))
        table.validate(full=True)
        return pl.DataFrame(pl.from_arrow(table))
    except (Exception, pl.exceptions.PanicException) as error:
        # Damage surfaces as any error: of Arrow, of text that is no UTF-8, of types without a peer.
        if isinstance(error, MemoryError) and not isinstance(error, pyarrow.ArrowException):
            raise
        reason = " ".join(str(error).split())[:MAX_REASON_CHARS]
        raise log.stop(0, "a whole Parquet file", f"a damaged one ({reason})") from None


def _checked(frame: pl.DataFrame, columns: Columns, log: FaultLog) -> pl.DataFrame:
    """Check names and types once for all rows; floats lose their NaN, as pandas means null."""
    missing = [name for name in columns.required if name not in frame.columns]
    if missing and frame.columns:
        want = f"columns with {' and '.join(missing)}"
        raise log.stop(0, want, f"the columns {shown(frame.columns)}")
    wrong: list[str] = []
    for name, dtype in frame.schema.items():
        if name in columns.texts and not isinstance(dtype, TEXT):
            log.add(0, "text", f"the column {name} of {dtype}", f"cast {name} to text")
            wrong.append(name)
        elif isinstance(dtype, pl.Binary | pl.Object):
            log.add(0, "text or numbers", f"the column {name} of {dtype}", "take it out")
            wrong.append(name)
    if any(name in columns.required for name in wrong):
        raise Stop
    kept = frame.drop(wrong)
    as_text = [
        pl.col(name).cast(pl.String)
        for name, dtype in kept.schema.items()
        if isinstance(dtype, pl.Categorical | pl.Enum | pl.Decimal) or dtype.is_temporal()
    ]
    floats = [
        pl.col(name).fill_nan(None) for name, dtype in kept.schema.items() if dtype.is_float()
    ]
    return kept.with_columns(*as_text, *floats)

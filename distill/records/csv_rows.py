r"""Rows of a CSV file: commas, double quotes, a header, UTF-8.

Unlike in JSON lines, `\r\n` is no fault: RFC 4180 and spreadsheets end lines with it. A cell that
is empty is a key that is absent, as CSV has no other way to say so.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from distill.errors import shown
from distill.records.faults import FaultLog
from distill.records.lines import MAX_LINE_BYTES, text_lines
from distill.records.sources import Columns, Row


def csv_rows(
    file: BinaryIO, columns: Columns, log: FaultLog, digest: hashlib._Hash
) -> Iterator[tuple[int, Row]]:
    """Yield `(line, row)`; the line is the one that a row begins on.

    Raises:
        Stop: the header is missing or faulty.
    """
    with _long_fields():
        records = _records(file, log, digest)
        names: list[str] | None = None
        for line, record in records:
            if not record:
                log.add(line, "one row a line", "a blank line")
            elif names is None:
                names = _header(line, record, columns, log)
            elif len(record) != len(names):
                log.add(line, f"as many cells as the header, {len(names)}", str(len(record)))
            else:
                yield line, {k: v for k, v in zip(names, record, strict=True) if v != ""}


def _records(
    file: BinaryIO, log: FaultLog, digest: hashlib._Hash
) -> Iterator[tuple[int, list[str]]]:
    """Yield `(line, cells)` of every record that can be read."""
    bad: set[int] = set()

    def texts() -> Iterator[str]:
        for number, text, sound in text_lines(file, log, digest, crlf_is_fault=False):
            if not sound:
                bad.add(number)
            yield text

    reader = csv.reader(texts(), strict=True)
    while True:
        first = reader.line_num + 1
        try:
            record = next(reader, None)
        except csv.Error as error:
            log.add(first, "a CSV row", f"malformed CSV ({error})")
            continue
        if record is None:
            return
        if bad.isdisjoint(range(first, reader.line_num + 1)):
            yield first, record
        bad.clear()


def _header(line: int, names: list[str], columns: Columns, log: FaultLog) -> list[str]:
    """Check the header's names.

    Raises:
        Stop: a required column is missing, or a name stands twice.
    """
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise log.stop(line, "each name once", f"the columns {shown(twice)} twice in the header")
    missing = [name for name in columns.required if name not in names]
    if missing:
        other = len(names) == 1 and any(mark in names[0] for mark in ";\t|")
        hint = "separate cells by commas" if other else None
        want = f"a header with {' and '.join(missing)}"
        raise log.stop(line, want, f"the columns {shown(names)}", hint)
    return names


@contextmanager
def _long_fields() -> Iterator[Any]:
    """Let a cell be as long as a line may be; the limit belongs to the whole process."""
    before = csv.field_size_limit(MAX_LINE_BYTES)
    try:
        yield
    finally:
        csv.field_size_limit(before)

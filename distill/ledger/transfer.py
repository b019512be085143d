"""A ledger's responses out into files and back, streamed: memory does not grow with the ledger.

A file holds the fields of `Entry`, as JSON lines or as Parquet; the `responses.parquet` of a run is
such a file. Files are foreign input: all of them are checked from end to end before anything of
them is stored. A key proves which request an answer belongs to; it cannot prove the answer.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from distill.errors import DataError, Fault, UserError, shown
from distill.ledger.entry import Entry, response_key
from distill.ledger.store import Ledger
from distill.paths import whole_file
from distill.records.faults import FaultLog, Stop, printable
from distill.records.lines import open_regular, text_lines
from distill.records.strict_json import BadJson, parse_object

JSON_ENDINGS = (".jsonl", ".ndjson")
PARQUET_ENDING = ".parquet"
TYPES: dict[str, type] = {
    field.name: int if field.type == "int" else str for field in fields(Entry)
}
# Two texts in one line, each a body that may be as large as a provider makes it.
MAX_LINE_BYTES = 2**28
ENTRIES_AT_ONCE = 500
MAX_NUMBER = 2**63 - 1
MAX_REASON_CHARS = 200
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_KEY = re.compile(r"[0-9a-f]{64}")
Numbered = Iterator[tuple[int, dict[str, Any]]]


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What came of one file.

    Args:
        file: Its name.
        read: Responses in it.
        added: Those that the ledger did not have.
    """

    file: str
    read: int
    added: int

    @property
    def known(self) -> int:
        """Those whose key the ledger had, with this answer or an earlier one: it kept its own."""
        return self.read - self.added


def export_entries(
    ledger: Ledger, path: Path, *, model: str | None = None, since: str | None = None
) -> int:
    """Write responses into a file, whole or not at all, in the order of their keys.

    Args:
        ledger: Where they are.
        path: Ends in .jsonl, .ndjson or .parquet.
        model: Only those of this model, asked for or served.
        since: Only those from this time on, as `moment` returns it.

    Returns:
        How many there are.

    Raises:
        UserError: the file cannot be written, or is there and holds something else.
        LedgerError: the ledger cannot be read.
    """
    write = _write_parquet if _is_parquet(path) else _write_lines
    entries = ledger.entries(model=model, since=since)
    try:
        if path.is_file() and not _may_be_replaced(path):
            raise UserError(
                f"{printable(str(path))}: is there and holds no responses; want a file of its own.",
                hint="nothing was changed",
            )
        with whole_file(path) as draft:
            return write(entries, draft)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error}).") from error


def check_files(paths: Sequence[Path]) -> None:
    """Read files from end to end and see that all of them can be imported.

    Raises:
        DataError: every fault of every file, with its line.
        UserError: a file's name has another ending.
    """
    for path in paths:
        _is_parquet(path)
    faults: list[Fault] = []
    for path in paths:
        log = FaultLog(str(path))
        for _ in _entries(path, log):
            pass
        try:
            log.raise_any()
        except DataError as error:
            faults += error.faults
    if faults:
        raise DataError(faults)


def import_file(ledger: Ledger, path: Path) -> Imported:
    """Store the responses of a file; a key that the ledger has keeps its first response.

    Args:
        ledger: Where they go.
        path: A file that `check_files` has found sound.

    Raises:
        DataError: the file has changed since; what came before the fault stays.
        LedgerError: the ledger cannot be written; what was stored stays, and the import can be
            repeated.
    """
    log = FaultLog(str(path))
    entries = _entries(path, log)
    read = added = 0
    while some := list(islice(entries, ENTRIES_AT_ONCE)):
        log.raise_any()
        added += ledger.put(some)
        read += len(some)
    log.raise_any()
    return Imported(file=printable(str(path)), read=read, added=added)


def moment(text: str) -> str:
    """Return a time as entries have it: UTC, ISO 8601, to the second.

    Args:
        text: A date or a time in ISO 8601; UTC where it names no zone.

    Raises:
        UserError: it is none.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(f"since: got {text!r}, want a date, such as 2026-11-24.") from None
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _is_parquet(path: Path) -> bool:
    ending = path.suffix.lower()
    if ending not in {*JSON_ENDINGS, PARQUET_ENDING}:
        raise UserError(f"{printable(str(path))}: want a name that ends in .jsonl or .parquet.")
    return ending == PARQUET_ENDING


def _may_be_replaced(path: Path) -> bool:
    """Say whether a file is empty, or holds responses as an earlier export does."""
    if not path.stat().st_size:
        return True
    log = FaultLog(str(path))
    first = next(_entries(path, log), None)
    try:
        log.raise_any()
    except DataError:
        return False
    return first is not None


def _write_lines(entries: Iterable[Entry], path: Path) -> int:
    count = 0
    with path.open("wb") as file:
        for entry in entries:
            file.write((json.dumps(vars(entry), ensure_ascii=False) + "\n").encode())
            count += 1
    return count


def _write_parquet(entries: Iterator[Entry], path: Path) -> int:
    import pyarrow  # type: ignore[import-untyped]
    from pyarrow import parquet

    arrow = {int: pyarrow.int64(), str: pyarrow.large_string()}
    schema = pyarrow.schema([(name, arrow[kind]) for name, kind in TYPES.items()])
    count = 0
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        while some := list(islice(entries, ENTRIES_AT_ONCE)):
            writer.write_table(pyarrow.Table.from_pylist([vars(one) for one in some], schema))
            count += len(some)
    return count


def _entries(path: Path, log: FaultLog) -> Iterator[Entry]:
    """Yield the sound entries of a file, and note what is wrong with the others."""
    read: Callable[[BinaryIO, FaultLog], Numbered]
    read = _parquet_rows if _is_parquet(path) else _lines
    try:
        with open_regular(str(path), log) as file:
            for number, row in read(file, log):
                fault = _fault(row)
                if fault is None:
                    yield Entry(**row)
                else:
                    want, got = fault
                    log.add(number, want, got)
    except Stop:
        return


def _lines(file: BinaryIO, log: FaultLog) -> Numbered:
    digest = hashlib.sha256()
    lines = text_lines(file, log, digest, crlf_is_fault=False, max_line_bytes=MAX_LINE_BYTES)
    for number, text, sound in lines:
        if not sound or not text.strip():
            continue
        try:
            yield number, parse_object(text)
        except BadJson as error:
            log.add(number, error.want, error.got)


def _parquet_rows(file: BinaryIO, log: FaultLog) -> Numbered:
    from pyarrow import parquet

    number = 0
    try:
        whole = parquet.ParquetFile(file)
        missing = [name for name in TYPES if name not in whole.schema_arrow.names]
        if missing:
            want = f"a file of responses, with a column {missing[0]}"
            raise log.stop(0, want, f"the columns {shown(whole.schema_arrow.names)}")
        for batch in whole.iter_batches(ENTRIES_AT_ONCE, columns=list(TYPES)):
            batch.validate(full=True)
            for row in batch.to_pylist():
                number += 1
                yield number, row
    except Stop:
        raise
    except Exception as error:
        # Damage surfaces as any error: of Arrow, of text that is no UTF-8, of sizes out of range.
        reason = " ".join(str(error).split())[:MAX_REASON_CHARS]
        raise log.stop(number + 1, "a whole Parquet file", f"a damaged one ({reason})") from None


def _fault(row: dict[str, Any]) -> tuple[str, str] | None:
    """Say what is wrong with a row as `(rule, what was found)`; `None` where nothing is."""
    for name, kind in TYPES.items():
        value = row.get(name)
        if type(value) is not kind:
            want = f"{name} as {'a whole number' if kind is int else 'text'}"
            return want, shown(value)
        if isinstance(value, int) and not 0 <= value <= MAX_NUMBER:
            return f"{name} from 0 to 2**63 - 1", shown(value)
    if len(row) > len(TYPES):
        stray = next(name for name in row if name not in TYPES)
        return f"the fields of a response and no others ({', '.join(TYPES)})", shown(stray)
    if not _KEY.fullmatch(row["key"]):
        return "a key of 64 hex digits", shown(row["key"])
    if not _MOMENT.fullmatch(row["created_at"]):
        return "created_at in UTC, such as 2026-11-24T08:59:00Z", shown(row["created_at"])
    for name in ("request", "body"):
        if not _is_object(row[name]):
            return f"{name} as the text of a JSON object", shown(row[name])
    request = json.loads(row["request"])
    about = {name: row[name] for name in ("provider", "namespace", "sample")}
    if response_key(body=request, **about) != row["key"]:
        return "a key that belongs to its request", f"{row['key'][:12]}…, which does not"
    if request.get("model", row["model"]) != row["model"]:
        return f"the model that the request names, {shown(request['model'])}", shown(row["model"])
    return None


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text, parse_constant=_refuse), dict)
    except (ValueError, RecursionError):
        return False


def _refuse(name: str) -> Any:
    raise ValueError(name)

"""From the name of a source to its rows: which reader reads what, and the reader of JSON lines."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.records.faults import FaultLog
from distill.records.lines import open_regular, text_lines
from distill.records.strict_json import WANT_JSON_LINES, BadJson, parse_object

Row = dict[str, Any]
ENDINGS = (".jsonl", ".ndjson", ".json", ".csv", ".parquet")
HUB = "hf://"
TO_JSON_LINES = "jq -c '.[]' FILE > NEW for a list, jq -c . FILE > NEW for an object"
OLD_LINE_ENDS = "if its lines end in \\r alone: tr '\\r' '\\n' < FILE > NEW"
_HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


@dataclass(frozen=True, kw_only=True)
class Columns:
    """What a reader of columns can say once, instead of once a row.

    Args:
        required: Columns that must be there.
        texts: Columns that hold text where they are there.
    """

    required: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()


def numbered_rows(
    source: str, columns: Columns, log: FaultLog, digest: hashlib._Hash
) -> Generator[tuple[int, Row]]:
    """Yield `(line, row)` of everything in `source` that is a row; rows count from 1 in Parquet.

    Args:
        source: A path, `hf://owner/name[:config]/split`, or `owner/name` where no file is meant.
        columns: What is expected of a file of columns.
        log: Where faults go.
        digest: Fed with every byte of the file; for a Hugging Face dataset with canonical JSON
            lines.

    Raises:
        Stop: the source cannot be read at all, or no further.
        UserError: a Hugging Face dataset cannot be loaded.
    """
    if is_hub_name(source):
        from distill.records.hub import hub_rows

        yield from hub_rows(source, log, digest)
        return
    ending = Path(source).suffix.lower()
    with open_regular(source, log) as file:
        if ending == ".csv":
            from distill.records.csv_rows import csv_rows

            rows = csv_rows(file, columns, log, digest)
        elif ending == ".parquet":
            from distill.records.parquet_rows import parquet_rows

            rows = parquet_rows(file, columns, log, digest)
        elif ending in ENDINGS:
            rows = _json_rows(text_lines(file, log, digest, crlf_is_fault=True), log)
        else:
            got = f"the ending {ending}" if ending else "a name without an ending"
            raise log.stop(0, f"one of {', '.join(ENDINGS)}", got, "unpack or convert it first")
        try:
            yield from rows
        except OSError as error:
            raise log.stop(0, "a file that can be read", str(error)) from None


def is_hub_name(source: str) -> bool:
    """Say whether `source` names a Hugging Face dataset rather than a file.

    `data/train` beside a folder `data` is a mistyped path, not a dataset.
    """
    if source.startswith(HUB):
        return True
    return (
        _HUB_NAME.fullmatch(source) is not None
        and not source.lower().endswith(ENDINGS)
        and not os.path.lexists(source)
        and not Path(source).parent.is_dir()
    )


def _json_rows(lines: Iterator[tuple[int, str, bool]], log: FaultLog) -> Iterator[tuple[int, Row]]:
    for number, text, sound in lines:
        body = text.strip()
        if number == 1 and (body in {"{", "[", "[{"} or (body[:1] == "[" and body[-1:] == ",")):
            raise log.stop(1, WANT_JSON_LINES, "JSON that is spread over lines", TO_JSON_LINES)
        if not sound:
            continue
        if not body:
            log.add(number, WANT_JSON_LINES, "a blank line")
            continue
        try:
            row = parse_object(text.rstrip("\r\n"))
        except BadJson as bad:
            hint = TO_JSON_LINES if body[0] == "[" else OLD_LINE_ENDS if "\r" in body else None
            log.add(number, bad.want, bad.got, hint)
            continue
        yield number, row

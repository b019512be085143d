"""Bytes of a text file into numbered lines of text, with what is wrong with the bytes."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import BinaryIO

from distill.records.faults import FaultLog

# A line is held in memory whole, and so must be bounded.
MAX_LINE_BYTES = 16 * 2**20
BOM = b"\xef\xbb\xbf"
_FOREIGN = (
    (b"\x1f\x8b", "a gzip file", "gunzip FILE"),
    (b"PK\x03\x04", "a zip or spreadsheet file", "unpack it, or save the sheet as CSV"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file", "unzstd FILE"),
    (b"BZh", "a bzip2 file", "bunzip2 FILE"),
    (b"\xfd7zXZ\x00", "an xz file", "unxz FILE"),
    (b"PAR1", "a Parquet file", "give it the ending .parquet"),
    (b"\xff\xfe", "UTF-16", "iconv -f UTF-16 -t UTF-8 FILE > NEW"),
    (b"\xfe\xff", "UTF-16", "iconv -f UTF-16 -t UTF-8 FILE > NEW"),
)


def open_regular(path: str, log: FaultLog) -> BinaryIO:
    """Open a file for reading, if it is one: a pipe or a device could be read for ever.

    Raises:
        Stop: it is missing, unreadable, or no regular file.
    """
    place = os.path.expanduser(path)  # noqa: PTH111 - Path.expanduser raises for unknown users
    try:
        # Without O_NONBLOCK the opening of a pipe waits for its writer.
        descriptor = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise log.stop(0, "no such file", hint=_near(Path(place))) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else None
        raise log.stop(0, f"cannot be opened ({reason or error})") from None
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(descriptor, "rb", buffering=2**20)
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise log.stop(0, "a file", "a directory")
    hint = "write what comes out of it into a file first"
    raise log.stop(0, "a file", "a pipe, a device or a socket", hint)


def _near(path: Path) -> str | None:
    """Say what may have been meant by the name of a file that is not there."""
    try:
        folder = path.parent.absolute()
        names = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    except OSError:
        return None
    # That both end in .jsonl does not make two names alike.
    stems = get_close_matches(path.stem, {Path(name).stem for name in names}, n=len(names) or 1)
    near = get_close_matches(path.name, [n for n in names if Path(n).stem in stems], n=1)
    return f"did you mean {path.with_name(near[0])}?" if near else f"looked in {folder}"


def text_lines(
    file: BinaryIO,
    log: FaultLog,
    digest: hashlib._Hash,
    *,
    crlf_is_fault: bool,
    max_line_bytes: int = MAX_LINE_BYTES,
) -> Iterator[tuple[int, str, bool]]:
    r"""Yield `(number, text with its line end, whether it is sound)` of every line.

    What cannot be read is replaced, so that a reader whose records span lines keeps its place.

    Args:
        file: Opened by `open_regular`.
        log: Where faults go.
        digest: Fed with every byte.
        crlf_is_fault: Whether lines may end in `\r\n`.
        max_line_bytes: A longer line is a fault.

    Raises:
        Stop: the file is of another kind altogether.
    """
    offset = number = 0
    crlf_seen = not crlf_is_fault
    while raw := file.readline(max_line_bytes + 1):
        number += 1
        start, length = offset, len(raw)
        offset += length
        digest.update(raw)
        if number == 1:
            raw = _first(raw, log)
            if not raw:
                log.add(1, "at least one row", "nothing else in the file")
                return
        if length > max_line_bytes:
            offset += 0 if raw.endswith(b"\n") else _skip_line(file, digest)
            log.add(number, f"at most {max_line_bytes}", f"a line of {offset - start} bytes")
            yield number, "\n", False
            continue
        if not crlf_seen and raw.endswith(b"\r\n"):
            crlf_seen = True
            got = "a line that ends in \\r\\n, the first of the file"
            log.add(number, "lines that end in \\n", got, "sed -i 's/\\r$//' FILE")
        yield number, *_decoded(raw, number, start + length - len(raw), log)


def _decoded(raw: bytes, number: int, start: int, log: FaultLog) -> tuple[str, bool]:
    """Return a line's text and whether it is sound; `start` is its offset in the file."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        at = error.start
        log.add(
            number,
            "UTF-8",
            f"byte 0x{raw[at]:02x} at byte {at + 1} of the line (offset {start + at} of the file)",
            "iconv -f LATIN1 -t UTF-8 FILE > NEW, if that is its encoding",
        )
        return raw.decode(errors="replace").replace("\0", "\ufffd"), False
    if "\0" in text:
        log.add(number, "text", f"a NUL byte at column {text.index(chr(0)) + 1}")
        return text.replace("\0", "\ufffd"), False
    return text, True


def _first(raw: bytes, log: FaultLog) -> bytes:
    """Look at the first line for signs of another kind of file; return it without a BOM."""
    for magic, name, hint in _FOREIGN:
        if raw.startswith(magic):
            raise log.stop(1, "lines of UTF-8 text", name, hint)
    if re.match(rb"[^\0]?\0", raw):
        hint = "iconv -f UTF-16 -t UTF-8 FILE > NEW, if that is its encoding"
        raise log.stop(1, "lines of UTF-8 text", "a NUL byte: UTF-16 or a binary file", hint)
    if not raw.startswith(BOM):
        return raw
    hint = "sed -i '1s/^\\xEF\\xBB\\xBF//' FILE"
    log.add(1, "UTF-8 without one", "a byte order mark", hint)
    return raw[len(BOM) :]


def _skip_line(file: BinaryIO, digest: hashlib._Hash) -> int:
    """Read to the end of the line; return how many bytes that were."""
    skipped = 0
    while raw := file.readline(2**20):
        digest.update(raw)
        skipped += len(raw)
        if raw.endswith(b"\n"):
            break
    return skipped

"""Files of a run that are missing or cannot be read, told with the name of the file."""

from __future__ import annotations

from pathlib import Path

from distill.errors import DistillError, printable

MAX_REASON_CHARS = 160


class DamagedRunError(DistillError):
    """A file of a run is missing or cannot be read."""


def read_bytes(path: Path, most: int = -1) -> bytes:
    """Read a regular file.

    Args:
        path: The file.
        most: Bytes that it may have at most; -1 for any number.

    Raises:
        DamagedRunError: it is missing, cannot be read, or is larger.
    """
    require(path)
    try:
        with path.open("rb") as file:
            data = file.read(most if most < 0 else most + 1)
    except OSError as error:
        raise damaged(path, str(error.strerror)) from error
    if 0 <= most < len(data):
        raise damaged(path, f"it has more than {most} bytes")
    return data


def require(path: Path) -> None:
    """See that a file of a run is there.

    Raises:
        DamagedRunError: it is not.
    """
    if not path.is_file():
        raise DamagedRunError(
            f"{path.name}: missing from the run in {printable(str(path.parent))}.",
            hint="a whole copy may be in the tracking store: name the run by its id",
        )


def damaged(path: Path, reason: str) -> DamagedRunError:
    """Return the error that a file of a run cannot be read."""
    line = " ".join(reason.split())[:MAX_REASON_CHARS].rstrip(". ")
    return DamagedRunError(
        f"{path.name}: damaged ({printable(line)}).",
        hint="a whole copy may be in the tracking store: name the run by its id",
    )

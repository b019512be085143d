"""The faults of one file, gathered while it is read, so that they are all told at once."""

from __future__ import annotations

from distill.errors import DataError, Fault

# A file with more faults is not the file that was meant; the bound keeps memory small.
MAX_FAULTS = 100_000


class Stop(Exception):  # noqa: N818 - it ends the reading of one file and never reaches a user
    """Reading cannot go on; the log says why."""


def printable(source: str) -> str:
    """Return the name of a file so that it can be printed: on disk it need not be UTF-8."""
    return source.encode("utf-8", "backslashreplace").decode()


class FaultLog:
    """What is wrong with one file.

    Args:
        source: The file as the user wrote it.
    """

    def __init__(self, source: str) -> None:
        self.source = printable(source)
        self._faults: list[tuple[int, Fault]] = []

    def __bool__(self) -> bool:
        """Say whether there is any fault."""
        return bool(self._faults)

    def add(self, line: int, want: str, got: str | None = None, hint: str | None = None) -> None:
        """Note one fault.

        Args:
            line: From 1; 0 for a fault of the whole file.
            want: As in `Fault`.
            got: As in `Fault`.
            hint: As in `Fault`.

        Raises:
            Stop: there are too many.
        """
        where = f"{self.source}:{line}" if line else self.source
        self._faults.append((line, Fault(where, want, got, hint)))
        if len(self._faults) == MAX_FAULTS:
            last = Fault(where, f"reading stopped here, after {MAX_FAULTS} faults")
            self._faults.append((line, last))
            raise Stop

    def stop(self, line: int, want: str, got: str | None = None, hint: str | None = None) -> Stop:
        """Note a fault that makes the rest unreadable, and return what to raise."""
        self.add(line, want, got, hint)
        return Stop()

    def raise_any(self) -> None:
        """Raise what was noted, in the order of the lines.

        Raises:
            DataError: there is at least one fault.
        """
        if self._faults:
            self._faults.sort(key=lambda noted: noted[0])
            raise DataError([fault for _, fault in self._faults])

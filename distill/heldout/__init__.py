"""Held-out examples: real, human-verified, and never sent to the teacher as training inputs."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from distill.heldout.bbc import BBCHeldout
from distill.heldout.file import FileHeldout
from distill.records import Records

__all__ = ["BBCHeldout", "FileHeldout", "Heldout"]


@runtime_checkable
class Heldout(Protocol):
    """Where the held-out examples come from."""

    def read(self) -> Records | None:
        """Return them, or `None` where there are none and so nothing can be proved.

        See `distill.heldout.file.SCHEMA` for the columns.

        Raises:
            DataError: every fault of the file, each with its line.
        """

"""Seeds: the real inputs that the teacher is asked about."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from distill.records import Records
from distill.seeds.bbc import BBCSeeds
from distill.seeds.file import FileSeeds
from distill.seeds.none import NoSeeds

__all__ = ["BBCSeeds", "FileSeeds", "NoSeeds", "Seeds"]


@runtime_checkable
class Seeds(Protocol):
    """Where the inputs come from."""

    @property
    def real_labels(self) -> int | None:
        """How many labelled seeds are real training examples; `None` is all of them."""

    def read(self) -> Records:
        """Return the seeds; see `distill.seeds.file.SCHEMA` for the columns.

        Raises:
            DataError: every fault of the file, each with its line.
        """

"""The effective number of different outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from distill.component import Positive, component
from distill.diversity.vectors import vectors, vendi_score


@component
class Vendi:
    """Vendi score of `rows` outputs: as many wholly different ones would be as varied.

    Static vectors, with the extra `embed`; cosines.

    Args:
        rows: Outputs looked at, >= 1, as the score rises with them. Where there are fewer, all are
            used, and the figure is not comparable with one of a full sample.

    Source: Friedman and Dieng 2023, TMLR, arXiv 2210.02410.
    """

    name: ClassVar[str] = "vendi"

    rows: Positive

    def measure(self, texts: Sequence[str]) -> float | None:
        """Return the score, in [1, rows]; `None` where no text has words."""
        return vendi_score(vectors(texts, self.rows))

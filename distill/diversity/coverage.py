"""How much of what real texts say is among the outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from distill.component import Positive, component
from distill.diversity.vectors import vectors


@component
class Coverage:
    """Share of the real references that have an output at least as near as their neighbours.

    A reference is covered if an output is no farther from it than its `neighbours`-th nearest
    reference (static vectors, cosine, with the extra `embed`). Noise cannot raise it, as it raises
    other figures. As many outputs as references are looked at; were both drawn from one source,
    1 - 2^-neighbours were covered.

    Args:
        neighbours: References that span a neighbourhood, >= 1.
        rows: Outputs and references looked at, at most, >= 1.

    Source: Naeem et al. 2020, ICML, arXiv 2002.09797.
    """

    name: ClassVar[str] = "coverage"
    needs_references: ClassVar[bool] = True

    neighbours: Positive
    rows: Positive

    def measure(self, texts: Sequence[str], references: Sequence[str] = ()) -> float | None:
        """Return the share, in [0, 1]; `None` for too few references or no texts."""
        real = vectors(references, self.rows)
        own = vectors(texts, max(1, min(self.rows, len(real))))
        if len(real) <= self.neighbours or not len(own):
            return None
        among = real @ real.T
        np.fill_diagonal(among, -np.inf)
        radius = np.partition(among, -self.neighbours, axis=1)[:, -self.neighbours]
        return float(((real @ own.T).max(axis=1) >= radius).mean())

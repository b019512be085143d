"""What a generation learns from: its parent's output alone, with real data kept, or with all of it.

Source: Shumailov et al. 2024, Nature 631:755 (replace); Gerstgrasser et al. 2024, arXiv 2404.01413
(accumulate).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

T = TypeVar("T")
Name = Literal["replace", "keep", "accumulate"]


@dataclass(frozen=True, kw_only=True)
class Regime:
    """One way to go on.

    Args:
        name: `replace`, the parent's output alone; `keep`, with some real data in its place, the
            same in every generation; `accumulate`, the real data and the output of every ancestor.
        share: Of real data in each generation under `keep`, in [0, 1]; the others do not look.
    """

    name: Name
    share: float = 0.0

    @property
    def title(self) -> str:
        """The regime in words: `keep 50 % real`."""
        return f"keep {self.share:.0%} real" if self.name == "keep" else self.name

    def mix(
        self, real: Sequence[T], outputs: Sequence[Sequence[T]], rng: np.random.Generator
    ) -> list[T]:
        """Return what the next generation learns from.

        Args:
            real: The real items, in random order; under `keep`, the first ones stay for good.
            outputs: What each generation so far has made, the parent's last; a generation makes as
                many items as there are real ones.
            rng: Draws which of the parent's items make room.
        """
        if self.name == "accumulate":
            return [*real, *(item for output in outputs for item in output)]
        parent = outputs[-1]
        kept = self.kept(len(real))
        others = rng.permutation(len(parent))[: max(0, len(parent) - kept)]
        return [*real[:kept], *(parent[i] for i in np.sort(others))]

    def kept(self, n: int) -> int:
        """Return how many of `n` real items stay in each generation."""
        return round(self.share * n) if self.name == "keep" else 0

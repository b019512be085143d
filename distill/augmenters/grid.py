"""Edge cases by plan: every combination of some dimensions."""

from __future__ import annotations

from math import prod
from typing import Annotated

from pydantic import AfterValidator, Field

from distill.augmenters.rewriting import Rewriting
from distill.augmenters.step import Chain
from distill.component import Texts, component

MOST_CELLS = 100_000


def _sound(dimensions: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    for name, values in dimensions.items():
        if not values or not all(value.strip() for value in values):
            raise ValueError(f"want one value or more of {name}, none of them blank")
        if len(set(values)) < len(values):
            raise ValueError(f"want values of {name} that differ")
    if prod(map(len, dimensions.values())) > MOST_CELLS:
        raise ValueError(f"want at most {MOST_CELLS} combinations")
    return dimensions


Dimensions = Annotated[
    dict[str, Texts],
    Field(min_length=1, description="dimensions, a list of texts each"),
    AfterValidator(_sound),
]


@component
class Grid(Rewriting):
    """Ask for variations of each real question that lie in given cells of a grid.

    Cells are dealt without replacement: a seed never gets one twice, and the seeds together fill
    the whole grid before any cell is filled again.

    Args:
        dimensions: Values by dimension; a cell is one value of each.
    """

    dimensions: Dimensions

    def __post_init__(self) -> None:
        """Check what the fields alone cannot say.

        Raises:
            ValueError: a seed is to have more variations than there are cells.
        """
        super().__post_init__()
        if self.per_seed > self.cells:
            raise ValueError(f"per_seed: want at most {self.cells}, the cells of the grid")

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return prod(map(len, self.dimensions.values()))

    def chains(self, seeds: int, *, seed: int) -> list[list[Chain]]:
        """Return one step for each cell."""
        return self.single([self.cell(i) for i in range(self.cells)], seeds, seed)

    def cell(self, i: int) -> tuple[str, str]:
        """Return name and words of a cell.

        Args:
            i: In [0, cells); the last dimension runs fastest.
        """
        chosen = []
        for name, values in reversed(self.dimensions.items()):
            i, at = divmod(i, len(values))
            chosen.append(f"{name}: {values[at]}")
        chosen.reverse()
        return "; ".join(chosen), "\n".join(f"- {one}" for one in chosen)

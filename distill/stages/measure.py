"""Measure the diversity of what the student learns from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from distill.diversity import DiversityMetric, ReferencedMetric, Texts
from distill.errors import ExtraMissingError


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was measured.

    Args:
        figures: By the metric's own name.
        absent: By name, why a figure is not there.
    """

    figures: dict[str, float] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)


def measure(
    dataset: pl.DataFrame,
    diversity: Mapping[str, DiversityMetric],
    *,
    column: str,
    references: Sequence[str] = (),
) -> Measured:
    """Measure each figure over one column of the dataset.

    Args:
        dataset: The rows that are in.
        diversity: What is measured.
        column: The texts: `answer`, or `question` where the answers are labels.
        references: Real texts of the same kind, for the figures that need them.
    """
    texts, real = Texts(dataset[column].to_list()), Texts(references)
    measured = Measured()
    for one in diversity.values():
        try:
            if isinstance(one, ReferencedMetric):
                value = one.measure(texts, real)
                why = f"It needs more real references than the {len(real)} that there are."
            else:
                value, why = one.measure(texts), "There is too little text."
        except ExtraMissingError as error:
            value, why = None, f"{error}"
        if value is None:
            measured.absent[one.name] = why
        else:
            measured.figures[one.name] = value
    return measured

"""Measure the diversity of what the student learns from."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from distill.diversity import DiversityMetric, Texts


def measure(
    dataset: pl.DataFrame, diversity: Mapping[str, DiversityMetric], *, column: str
) -> dict[str, float]:
    """Return each figure over one column of the dataset, by its own name.

    Args:
        dataset: The rows that are in.
        diversity: What is measured.
        column: The texts: `answer`, or `question` where the answers are labels.

    Returns:
        Figures by name; one that cannot be measured on so little text is absent.
    """
    texts = Texts(dataset[column].to_list())
    measured = {one.name: one.measure(texts) for one in diversity.values()}
    return {name: value for name, value in measured.items() if value is not None}

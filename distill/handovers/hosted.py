"""What fine-tuning services refuse, looked for before anything is uploaded."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from distill.handovers.dataset import Dataset

JOB_FILE = "job.json"
SHOWN_LINES = 5


def hosted_faults(
    dataset: Dataset,
    lines: Iterable[Mapping[str, Any]],
    *,
    min_examples: int,
    max_bytes: int,
) -> list[str]:
    """Return the faults of a dataset that is to be uploaded, a sentence each.

    Args:
        dataset: Any.
        lines: The same as it is uploaded.
        min_examples: Fewest examples that the service takes.
        max_bytes: Longest file that it takes.
    """
    size = sum(len(json.dumps(line, ensure_ascii=False).encode()) + 1 for line in lines)
    rows = 0
    empty, alike = [], []
    for rows, example in enumerate(dataset.examples(), start=1):
        said = [example.prompt[-1]["content"], example.answer, example.rejected]
        if any(text is not None and not text.strip() for text in said):
            empty.append(rows)
        if example.answer == example.rejected:
            alike.append(rows)
    faults = []
    if rows < min_examples:
        faults.append(f"{rows} examples, want at least {min_examples}.")
    if size > max_bytes:
        faults.append(f"{size} bytes, want at most {max_bytes}.")
    if empty:
        faults.append(f"empty texts in {_named(empty)}, want words in each.")
    if alike:
        faults.append(f"the same answer twice in {_named(alike)}, want two that differ.")
    return faults


def _named(numbers: list[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:SHOWN_LINES])
    more = len(numbers) - SHOWN_LINES
    return f"lines {shown} and {more} more" if more > 0 else f"lines {shown}"

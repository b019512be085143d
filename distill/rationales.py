"""A rationale and the answer after it, parted alike for training and for export."""

from __future__ import annotations


def parted(answer: str, rationale: str | None, marker: str) -> tuple[str | None, str]:
    """Return the rationale, `None` where there is none, and the answer without it.

    Args:
        answer: Of the dataset; parted at the last marker in it that something follows.
        rationale: What the task has kept apart; it goes before what stands in the answer, as in a
            human's worked solution.
        marker: Stands between rationale and answer.
    """
    before, _, alone = answer.rpartition(marker)
    if not alone.strip() or marker not in answer:
        return (rationale or "").strip() or None, answer
    return (rationale or before).strip() or None, alone.strip()

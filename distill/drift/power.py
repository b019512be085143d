"""What a check of a given size can show, as `benchmarks/drift_power.py` measured it.

The smallest share of answers that had to come from another model for the change to be found in 4
of 5 checks; measured on recorded answers of real models to word problems, and on simulated labels.
"""

from __future__ import annotations

# (questions, samples): share, or `None` where not even all of the answers sufficed.
TEXTS: dict[tuple[int, int], float | None] = {}
LABELS: dict[tuple[int, int], float | None] = {}


def detectable(questions: int, samples: int, *, labels: bool) -> tuple[int, int, float] | None:
    """Return what the best measured size that is no larger can show; `None` if there is none.

    Args:
        questions: Questions compared.
        samples: Replies to each, of each time.
        labels: Whether the answers are labels.

    Returns:
        Questions and samples as measured, and the share of answers, in (0, 1].
    """
    known = LABELS if labels else TEXTS
    sizes = [
        (share, size)
        for size, share in known.items()
        if share is not None and size[0] <= questions and size[1] <= samples
    ]
    if not sizes:
        return None
    share, size = min(sizes)
    return (*size, share)

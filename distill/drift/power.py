"""What a check of a given size can show, as `benchmarks/drift_power.py` measured it.

The smallest share of answers that had to come from another model for the change to be found in 4
of 5 checks; measured on recorded answers of real models to word problems, and on simulated labels.
"""

from __future__ import annotations

# (questions, samples): share.
TEXTS = {
    (10, 5): 0.5,
    (20, 5): 0.5,
    (50, 5): 0.4,
    (100, 5): 0.3,
    (20, 10): 0.3,
    (50, 10): 0.25,
}
LABELS = {
    (10, 5): 0.4,
    (20, 5): 0.3,
    (50, 5): 0.2,
    (100, 5): 0.15,
    (20, 10): 0.2,
    (50, 10): 0.15,
}


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
    reached = [size for size in known if size[0] <= questions and size[1] <= samples]
    if not reached:
        return None
    # Of sizes that show the same, the nearest.
    size = min(reached, key=lambda size: (known[size], -size[0] * size[1]))
    return (*size, known[size])


def least_measured(*, labels: bool) -> tuple[int, int, float]:
    """Return the same of the smallest size that was measured."""
    size, share = min((LABELS if labels else TEXTS).items())
    return (*size, share)

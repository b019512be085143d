"""Whether a student is as often right as it says, and the one number that mends most of it.

Source:
    Guo et al. 2017, "On Calibration of Modern Neural Networks" (arXiv 1706.04599): temperature
    scaling, section 4.2, and the expected calibration error over equal bins, section 2. Its labels
    are smoothed as Platt 1999, "Probabilistic Outputs for Support Vector Machines", section 2.2,
    smooths them: a student that is right on all of a few examples is not sure without end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 15
# Fewer leave a bin without a row and a temperature without support.
FEWEST = 20
# Logarithms of the temperatures that are tried.
COLDEST, HOTTEST = -4.0, 4.0

Matrix = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What scaling by temperature did.

    Args:
        temperature: What the student's logits are divided by, above 0; above 1 where it was too
            sure.
        examples: Training examples that it was found on, by a student that had not seen their
            targets.
        ece_before: Expected calibration error on them, in [0, 1].
        ece_after: The same with temperatures found on the other half of them.
    """

    temperature: float
    examples: int
    ece_before: float
    ece_after: float

    def figures(self) -> dict[str, Any]:
        """Return the fields, for JSON."""
        return asdict(self)


def expected_calibration_error(probs: Matrix, labels: Labels) -> float:
    """Return the mean gap between how sure and how often right, in [0, 1], over 15 equal bins.

    Args:
        probs: (rows, classes), each row sums to 1.
        labels: (rows,) true classes.
    """
    sure, right = probs.max(axis=1), probs.argmax(axis=1) == labels
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = [abs((sure[bins == b] - right[bins == b]).sum()) for b in range(BINS)]
    return float(sum(gaps) / len(labels))


def best_temperature(logits: Matrix, labels: Labels) -> float:
    """Return the temperature at which (rows, classes) say the labels likeliest.

    A label counts as if each class had been seen once more, as in Laplace's rule of succession.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    count, classes = logits.shape
    targets = np.full(logits.shape, 1 / (count + classes))
    targets[np.arange(count), labels] += count / (count + classes)

    def surprise(log_heat: float) -> float:
        logs = log_softmax(logits / np.exp(log_heat), axis=1)
        return float(-(targets * logs).sum(axis=1).mean())

    found = minimize_scalar(surprise, bounds=(COLDEST, HOTTEST), method="bounded")
    return float(np.exp(found.x))


def calibrate(
    fit: Callable[[NDArray[np.int64]], Callable[[NDArray[np.int64]], Matrix]],
    labels: Labels,
    *,
    share: float,
    seed: int,
) -> Calibration | None:
    """Find the temperature on training examples that are set aside for it.

    Args:
        fit: Trains on the rows that it is given, and returns what tells logits of rows.
        labels: (examples,) true classes.
        share: Of the examples that are set aside, in [0, 0.5]; 0 for no calibration.
        seed: Of the draw.

    Returns:
        `None` where the share comes to too few examples, or what is left names one label only.
    """
    from scipy.special import softmax

    order = np.random.default_rng(seed).permutation(len(labels))
    aside, rest = np.split(order, [round(share * len(labels))])
    if len(aside) < FEWEST or len(set(labels[rest].tolist())) < 2:
        return None
    logits, truth = fit(np.sort(rest))(aside), labels[aside]
    half = np.arange(len(aside)) % 2 == 0
    scaled = np.empty_like(logits)
    for part in (half, ~half):
        scaled[part] = logits[part] / best_temperature(logits[~part], truth[~part])
    return Calibration(
        temperature=best_temperature(logits, truth),
        examples=len(aside),
        ece_before=expected_calibration_error(softmax(logits, axis=1), truth),
        ece_after=expected_calibration_error(softmax(scaled, axis=1), truth),
    )

"""Is a judge good enough to decide alone? The recommended gate, with every reason against it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from distill.calibrate.agreement import Kappa
from distill.calibrate.result import Calibration
from distill.judge_calibration import LEAST_KAPPA
from distill.report.wording import counted, percent

ENOUGH_LABELS = 200
LEAST_LOW = 0.4
# Below the humans' own agreement by more than so many standard errors is below it.
MOST_BELOW = 1.0


def failures(made: Calibration) -> list[str]:
    """Return why the judge does not pass, a sentence each; none where it passes.

    Source: the bounds of kappa follow Landis and Koch 1977, Biometrics 33:159 (above 0.6 is
    substantial, 0.4 moderate); the comparison with humans follows arXiv 2510.09738.
    """
    return [*disagreements(made), *threshold_failures(made)]


def disagreements(made: Calibration) -> list[str]:
    """Return why the judge's agreement with humans is not enough, a sentence each."""
    return list(_disagreements(made))


def threshold_failures(made: Calibration) -> list[str]:
    """Return why no threshold can be relied on, a sentence at most."""
    wanted = percent(made.precision)
    if made.recommended is None:
        return [f"No threshold reaches a precision of {wanted}."]
    if made.recommended.by == "estimate":
        return [f"No threshold is shown to reach a precision of {wanted}."]
    return []


def below_humans(judge: Kappa | None, humans: Kappa | None) -> bool:
    """Say whether a judge agrees with a human less than a second human does."""
    if judge is None or humans is None:
        return False
    error = math.hypot(judge.standard_error, humans.standard_error)
    return judge.value < humans.value - MOST_BELOW * error


def _disagreements(made: Calibration) -> Iterator[str]:
    if made.n < ENOUGH_LABELS:
        yield (
            f"{counted(made.n, 'label')}, fewer than {ENOUGH_LABELS}: a true kappa of 0.69 shows "
            "as anything from 0.46 to 0.89 with 50 labels, from 0.58 to 0.79 with 200."
        )
    if made.kappa is None:
        yield "Kappa is undefined: all labels, and all that the judge says, are the same."
    else:
        if made.kappa.value < LEAST_KAPPA:
            yield f"Kappa is {made.kappa.value:.2f}, below {LEAST_KAPPA:g}."
        if made.kappa.low < LEAST_LOW:
            yield f"Kappa may be as low as {made.kappa.low:.2f}, below {LEAST_LOW:g}."
    if below_humans(made.judge_kappa, made.human_kappa):
        yield "The judge agrees with a human less than a second human does."

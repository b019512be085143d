"""What a check shows, in sentences; the same on the terminal and in JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator

from distill.drift.check import Drift
from distill.drift.power import detectable, least_measured
from distill.drift.shift import Shift
from distill.report.wording import counted, listed, one_line, percent
from distill.statistics import ALPHA, POWER

NAME_CHARS = 80


def verdict(made: Drift) -> str:
    """Return the verdict as one sentence."""
    model = one_line(made.model, NAME_CHARS)
    if made.strangers:
        served = listed([one_line(name, NAME_CHARS) for name in made.strangers])
        return f"Drift: {model} was asked and {served} answered, an id that the run did not see."
    if made.found:
        moved = listed([NAMES[shift.name] for shift in made.found])
        return f"Drift: {model} does not answer as it did ({moved})."
    if not made.can_show:
        return f"No drift was found for {model}, and with so few replies none could have been."
    return f"No drift found: {model} answers as it did, as far as these questions can show."


def said_of(made: Drift) -> list[str]:
    """Return what else is to be known, a sentence each."""
    return list(_notes(made))


def effect(shift: Shift, task: str) -> str:
    """Return an effect in its unit: texts have a distance, everything else a share."""
    if shift.name == "length":
        return f"{math.expm1(shift.effect):+.1%}"
    if shift.name == "answers" and task != "classify":
        return f"distance {max(0.0, shift.effect):.3f}"
    return percent(max(0.0, shift.effect))


NAMES = {
    "answers": "answers",
    "numbers": "final numbers",
    "stops": "stop reasons",
    "length": "length",
}


def _notes(made: Drift) -> Iterator[str]:
    if made.strangers and not made.found and made.can_show:
        yield "The answers themselves are not shown to have moved."
    if made.constant_then and made.changed:
        yield (
            f"The teacher said the same every time in the run; now {made.changed} of "
            f"{counted(len(made.asked), 'question')} have a reply that it never gave."
        )
    if made.can_show and not made.drifted:
        yield _power(made)
    if not made.can_show:
        yield (
            f"{counted(len(made.asked), 'question')} with {made.samples} samples cannot reach "
            f"p = {ALPHA:g}, however much moves: run with more drift.questions or drift.samples."
        )
    if made.failed:
        yield f"{counted(made.failed, 'reply', 'replies')} failed and nothing is known of them."
    if made.not_compared:
        yield f"{counted(made.not_compared, 'question')} could not be compared."


def _power(made: Drift) -> str:
    """Say what a check of this size can show."""
    labels = made.task == "classify"
    power = detectable(len(made.asked), made.samples, labels=labels)
    if power is None:
        questions, samples, share = least_measured(labels=labels)
        return (
            f"What this can show: less than {questions} questions with {samples} samples, which "
            f"find a change of {share:.0%} of the answers in {POWER:.0%} of trials (docs/drift.md)."
        )
    questions, samples, share = power
    return (
        f"What this can show: {questions} questions with {samples} samples find a change of "
        f"{share:.0%} of the answers in {POWER:.0%} of trials (docs/drift.md)."
    )

"""What a calibration shows, in sentences; the same on the terminal, on the page and in JSON."""

from __future__ import annotations

from collections.abc import Iterator

from distill.calibrate.gate import (
    ENOUGH_LABELS,
    LEAST_LOW,
    disagreements,
    threshold_failures,
)
from distill.calibrate.result import Calibration
from distill.calibrate.thresholds import Line
from distill.judge_calibration import LEAST_KAPPA
from distill.report.wording import count, counted, interval, one_line, percent
from distill.statistics import ALPHA, Interval

NAME_CHARS = 80
# Labelled and unlabelled answers that differ so clearly were hardly drawn from one pile.
NOT_RANDOM = 0.01


def verdict(made: Calibration) -> str:
    """Return the verdict as one sentence."""
    name = one_line(made.judge, NAME_CHARS)
    if made.kappa is None:
        return f"{name}: no kappa, as the labels, and what it says of them, are all the same."
    figures = f"kappa {kappa(made)} on {counted(made.n, 'label')}"
    if made.n < ENOUGH_LABELS:
        return (
            f"{name}: {figures}. Do not gate on kappa: under {ENOUGH_LABELS} labels it is too "
            "uncertain."
        )
    if disagreements(made):
        return f"{name} does not agree with humans well enough to decide alone: {figures}."
    if threshold_failures(made):
        return f"{name} agrees with humans, {figures}, but no threshold is shown to be safe."
    return f"{name} passes the recommended gate: {figures}."


def kappa(made: Calibration) -> str:
    """Return kappa with its interval."""
    if made.kappa is None:
        return "undefined"
    return f"{made.kappa.value:.2f} ({made.kappa.low:.2f} to {made.kappa.high:.2f})"


def share_words(one: Interval | None) -> str:
    """Return a share with its interval, or a dash."""
    return "–" if one is None else f"{percent(one.value)} ({interval(one.low, one.high)})"


def gate_rule() -> str:
    """Return the recommended gate in words."""
    return (
        f"Recommended gate: {ENOUGH_LABELS} labels or more, kappa {LEAST_KAPPA:g} or more with its "
        f"lower limit at {LEAST_LOW:g} or more and not below two humans' own, and a threshold "
        "that is shown to reach the wanted precision."
    )


def threshold_words(made: Calibration) -> str:
    """Return which threshold is recommended, and on what grounds."""
    wanted = f"a precision of {percent(made.precision)} (calibrate.precision)"
    if made.recommended is None:
        best = max(
            (line for line in made.lines if line.precision is not None),
            key=lambda line: line.precision.value if line.precision else 0.0,
            default=None,
        )
        words = "" if best is None else f" The best is {best.threshold:.4g}. {_line(best, made)}"
        return f"No threshold reaches {wanted}.{words}"
    line = made.recommended.line
    same = " It is the one in use." if line.threshold == made.threshold else ""
    among = f"the choice among {counted(len(made.lines), 'threshold')} allowed for"
    if made.recommended.by == "limit":
        return (
            f"Recommended for {wanted}: judge.threshold={line.threshold:.4g}. {_line(line, made)} "
            f"Shown: the exact lower limit, {percent(line.limit)}, is no lower ({1 - ALPHA:.0%} "
            f"confidence, {among}).{same}"
        )
    needed = made.recommended.labels_needed
    more = "no number of labels would show it" if needed is None else f"about {count(needed)} would"
    return (
        f"Perhaps, for {wanted}: judge.threshold={line.threshold:.4g}. {_line(line, made)} Not "
        f"shown: the exact lower limit is {percent(line.limit)} ({1 - ALPHA:.0%} confidence, "
        f"{among}) with {counted(made.n, 'label')}; {more}.{same}"
    )


def _line(line: Line, made: Calibration) -> str:
    return (
        f"It keeps {count(line.kept)} of {count(made.n)} answers with a precision of "
        f"{share_words(line.precision)}."
    )


def accuracy_words(made: Calibration) -> str:
    """Return what share of all answers is right, corrected for the judge's errors."""
    found = made.accuracy
    if found.corrected is None or found.weight is None:
        return (
            f"Right answers: {share_words(found.human_only)} by the labels alone. With unlabelled "
            "answers (human_score null, or calibrate.run=RUN) the judge's word would narrow that."
        )
    return (
        f"Right answers among all {count(found.labelled + found.unlabelled)}: "
        f"{share_words(found.corrected)}, corrected for the judge's errors. The judge alone says "
        f"{share_words(found.naive)}, the labels alone {share_words(found.human_only)}."
    )


def verbosity_words(made: Calibration) -> str:
    """Return whether length pays."""
    found = made.verbosity
    if isinstance(found, str):
        return f"not measured: {found}"
    slope = found.per_doubling
    return (
        f"{_shown(found.p_value < ALPHA, 'longer answers score ' + _way(slope.value))}: partial "
        f"correlation {found.correlation:+.2f}, {p_words(found.p_value)}; twice the length moves "
        f"the score by {slope.value:+.3f} ({slope.low:+.3f} to {slope.high:+.3f})"
    )


def self_preference_words(made: Calibration) -> str:
    """Return whether the judge favours its own family."""
    found = made.self_preference
    if isinstance(found, str):
        return f"not measured: {found}"
    excess = found.excess
    shown = excess.low > 0 or excess.high < 0
    way = "favours" if excess.value > 0 else "disfavours"
    return (
        f"{_shown(shown, f'the judge {way} its own family')}: at equal human score its answers get "
        f"{excess.value:+.3f} ({excess.low:+.3f} to {excess.high:+.3f}) beside those of others "
        f"({count(found.own)} against {count(found.others)} answers)"
    )


def position_words(made: Calibration) -> str:
    """Return whether the place of an answer decides."""
    found = made.position
    if isinstance(found, str):
        return f"not measured: {found}"
    way = "first" if found.first > found.second else "second"
    return (
        f"{_shown(found.p_value < ALPHA, f'the answer shown {way} is favoured')}: the same result "
        f"in both orders in {share_words(found.consistency)}; where not, the first won "
        f"{counted(found.first, 'time')} and the second {count(found.second)} "
        f"({p_words(found.p_value)})"
    )


def repeats_words(made: Calibration) -> str:
    """Return whether the judge agrees with itself."""
    found = made.repeats
    if isinstance(found, str):
        return f"not measured: {found}"
    return (
        f"two judgements of an answer differ on keep or drop in {percent(found.flip_rate)} "
        f"({interval(found.low, found.high)}), standard deviation of the score "
        f"{found.deviation:.3f} ({counted(found.judgements, 'judgement')} of "
        f"{counted(found.rows, 'answer')})"
    )


def notes(made: Calibration) -> list[str]:
    """Return what else is to be known, a sentence each."""
    return list(_notes(made))


def p_words(p: float) -> str:
    """Return a p-value."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _notes(made: Calibration) -> Iterator[str]:
    if made.area is None:
        yield "All labels are the same: nothing shows whether the judge tells right from wrong."
    if made.unscored:
        yield (
            f"{counted(made.unscored, 'labelled answer')} got no score and "
            f"{'is' if made.unscored == 1 else 'are'} left out; in a run such rows fall out."
        )
    questions = made.rows.filter(made.rows["human"].is_not_null())["question"].n_unique()
    labelled = made.n + made.unscored
    if questions < labelled:
        yield (
            f"The {count(labelled)} labelled answers are to {counted(questions, 'question')}: "
            "intervals take answers as independent, so they are somewhat too narrow."
        )
    if made.human_kappa is not None:
        humans = made.human_kappa
        yield (
            f"Two humans agree with kappa {humans.value:.2f} ({humans.low:.2f} to {humans.high:.2f}"
            f", {counted(humans.n, 'answer')})."
        )
    if made.accuracy.unlabelled:
        yield "The correction holds if the labelled answers were drawn at random from all of them."
    if made.draw_p is not None and made.draw_p < NOT_RANDOM:
        yield (
            "They hardly were: the judge keeps another share of the labelled than of the "
            f"unlabelled answers ({p_words(made.draw_p)}). The correction cannot be trusted."
        )


def _shown(shown: bool, what: str) -> str:
    return what if shown else "none shown"


def _way(slope: float) -> str:
    return "higher" if slope > 0 else "lower"

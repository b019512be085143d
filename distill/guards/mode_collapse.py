"""A dataset that says the same again and again teaches its student to do so."""

from __future__ import annotations

from typing import ClassVar

from distill.component import Share, component
from distill.diversity.contrast import Contrast, ContrastFigure
from distill.guards.finding import Evidence, Finding, Mode, When


@component
class ModeCollapse:
    """Fire when the dataset is clearly less varied than real references or an earlier run.

    At equal rows and words, a figure of content fires if its ratio of variety is below
    `max_ratio`, the upper end of its 95 % interval included, and its p-value below `max_p`
    (one-sided permutation test, paired by question where the sides share questions; Holm over the
    figures). A small difference hence does not fire, however many rows show it, and of
    comparisons without any difference fewer than `max_p` fire.

    Args:
        mode: `error`, `warn` or `off`.
        max_ratio: Ratio of variety below which it fires, in [0, 1]; 0 never fires.
        max_p: Adjusted p-value below which it fires, in [0, 1]; 0 never fires.

    Note:
        People's answers and a teacher's differ in more than variety: against references it tells
        that the dataset is narrower, and not that it was narrowed.
    """

    when: ClassVar[When] = "after"
    mode: Mode
    max_ratio: Share
    max_p: Share

    def look(self, evidence: Evidence) -> Finding:
        """Look at the figures that were tested."""
        tested = [
            (one, figure)
            for one in evidence.contrasts
            for figure in one.figures
            if figure.p_holm is not None
        ]
        if not tested:
            return _untested(evidence.contrasts)
        fired = [(one, figure) for one, figure in tested if self._fires(figure)]
        against = " and ".join(dict.fromkeys(one.source for one, _ in tested))
        if not fired:
            return Finding(
                fires=False,
                sentence=f"The dataset is not clearly less varied than {against}.",
                rows=tuple(told(one, figure) for one, figure in tested),
            )
        narrower = " and ".join(dict.fromkeys(one.source for one, _ in fired))
        return Finding(
            fires=True,
            sentence=f"The dataset's {fired[0][0].column}s are less varied than {narrower}.",
            rows=tuple(told(one, figure) for one, figure in fired),
            hint="raise the teacher's temperature or vary its prompt, drop near duplicates, or "
            "keep more real rows; guard.mode_collapse.mode=off where the task itself is narrow",
        )

    def _fires(self, figure: ContrastFigure) -> bool:
        if figure.high is None or figure.p_holm is None:
            return False
        return figure.high < self.max_ratio and figure.p_holm < self.max_p


def told(one: Contrast, figure: ContrastFigure) -> str:
    """Return a tested figure in words."""
    limits = "no interval"
    if figure.low is not None and figure.high is not None:
        limits = f"95% interval {figure.low:.2f} to {figure.high:.2f}"
    p = figure.p_holm or 0.0
    return (
        f"{figure.name} {figure.value:.3g} against {figure.other:.3g} of {one.source}: "
        f"{figure.ratio:.2f} times as varied ({limits}, p = {p:.3g}, {one.rows[0]} rows and "
        f"{one.words} words a side)"
    )


def _untested(contrasts: tuple[Contrast, ...]) -> Finding:
    why = [f"with {one.source}: {one.why_not}" for one in contrasts if one.why_not]
    if why:
        sentence = f"The dataset's variety was not compared {'; '.join(why)}."
        return Finding(fires=False, sentence=sentence, untold="unsure")
    return Finding(
        fires=False,
        sentence="There is nothing real to compare the dataset's variety with, nor an earlier run.",
        untold="idle",
    )

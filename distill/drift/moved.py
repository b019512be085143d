"""The questions whose answers moved most, and the two replies that show it."""

from __future__ import annotations

from distill.drift.answers import Asked
from distill.drift.check import Drift, said

SHOWN = 3


def most_moved(made: Drift, most: int = SHOWN) -> list[tuple[Asked, float]]:
    """Return the questions that moved beyond chance, the furthest first, with how far.

    Where no drift was found there are none: some replies are always the furthest apart.
    """
    if not made.drifted:
        return []
    by_question = next((s.by_question for s in made.shifts if s.name == "answers"), ())
    ranked = sorted(zip(made.asked, by_question, strict=False), key=lambda pair: -pair[1])
    return [pair for pair in ranked if pair[1] > 0 and _differs(pair[0])][:most]


def shown_replies(one: Asked) -> tuple[str, str]:
    """Return a reply of then and one of now: the most frequent that the other time lacks."""
    then, now = said(one.then), said(one.now)
    gone = then - now or then
    new = now - then or now
    return gone.most_common(1)[0][0], new.most_common(1)[0][0]


def _differs(one: Asked) -> bool:
    return said(one.then) != said(one.now)

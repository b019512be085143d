"""The questions whose answers moved most, and the two replies that show it."""

from __future__ import annotations

from distill.drift.answers import Asked
from distill.drift.check import Drift, said
from distill.ledger.parts import first_difference
from distill.report.wording import visible

SHOWN = 3
SHOWN_CHARS = 400
# Of a text that is cut: its end, where a final number or label stands.
END_CHARS = 80
# What two replies begin with alike is passed over from this length on, but for a few words.
LONG_START = 120
BEFORE_CHARS = 60


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


def excerpts(then: str, now: str) -> tuple[str, str]:
    """Return two replies on a line each, long ones from shortly before they part, with their end.

    Returns:
        At most `SHOWN_CHARS` characters of each, and an ellipsis where something is left out.
    """
    then, now = (" ".join(text.split()) for text in (then, now))
    part = first_difference(then, now)
    start = 0
    if part > LONG_START and max(len(then), len(now)) > SHOWN_CHARS:
        start = then.rfind(" ", 0, part - BEFORE_CHARS) + 1 or part - BEFORE_CHARS
    return _excerpt(then, start), _excerpt(now, start)


def _excerpt(text: str, start: int) -> str:
    before, rest = ("…" if start else ""), text[start:]
    if len(rest) > SHOWN_CHARS:
        rest = f"{rest[: SHOWN_CHARS - END_CHARS]} … {rest[-END_CHARS:]}"
    return visible(before + rest)


def _differs(one: Asked) -> bool:
    return said(one.then) != said(one.now)

"""How numbers and foreign texts are written for people, the same way wherever they are shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from distill.records.sources import ENDINGS, HUB

SMALL_USD = 0.01  # below, cents would read as nothing
# Letters that turn the reading direction of what follows them, even of our own words.
_TURNS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_PATH = re.compile(r"[\\/]+")


@dataclass(frozen=True)
class Excerpt:
    """The beginning of a text.

    Args:
        text: What is shown.
        chars: Length of the whole text in characters.
        is_cut: Whether there is more than what is shown.
    """

    text: str
    chars: int
    is_cut: bool


def excerpt(text: str | None, max_chars: int) -> Excerpt:
    """Return the first `max_chars` characters of `text`, made visible."""
    whole = text or ""
    return Excerpt(visible(whole[:max_chars]), len(whole), len(whole) > max_chars)


def one_line(text: str | None, max_chars: int) -> str:
    """Return `text` on one line, with an ellipsis where it is cut."""
    whole = text or ""
    line = " ".join(visible(whole[:max_chars]).split())
    return f"{line}…" if len(whole) > max_chars else line


def visible(text: str) -> str:
    """Return `text` without what could act on a terminal, a page or the words beside it.

    Control characters become their pictures (␛), half surrogates a replacement character; marks
    that turn the reading direction are taken out. Line ends and tabs stay.
    """
    return _UNSEEN.sub(_picture, _TURNS.sub("", text))


def _picture(found: re.Match[str]) -> str:
    letter = found[0]
    return chr(0x2400 + ord(letter)) if ord(letter) < ord(" ") else "\N{REPLACEMENT CHARACTER}"


def percent(share: float) -> str:
    """Return a share in [0, 1] with one place: `71.3%`."""
    return f"{100 * share:.1f}%"


def interval(low: float, high: float) -> str:
    """Return the limits of a share: `65.0% to 76.9%`."""
    return f"{percent(low)} to {percent(high)}"


def points(difference: float) -> str:
    """Return a difference of shares: `+4.5 pp`."""
    return f"{100 * difference:+.1f} pp"


def count(number: int) -> str:
    """Return a whole number with its thousands apart: `1,234`."""
    return f"{number:,}"


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun: `1 row`, `2 rows`."""
    return f"{count(number)} {one if number == 1 else many or f'{one}s'}"


def listed(words: Sequence[str], limit: int = 8) -> str:
    """Return words as a list in a sentence; beyond `limit` only their number."""
    left = len(words) - limit
    return ", ".join(words) if left <= 0 else f"{', '.join(words[:limit])} and {left} more"


def usd(cost_usd: float | None) -> str:
    """Return dollars; an unknown price is said to be unknown."""
    if cost_usd is None:
        return "unknown"
    return f"${cost_usd:.4f}" if 0 < cost_usd < SMALL_USD else f"${cost_usd:,.2f}"


def duration(seconds: float) -> str:
    """Return a time: `0.8 s`, `4 min 12 s`, `2 h 5 min`."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def source_name(source: str) -> str:
    """Return the name of a source without the folders that it lies in on this machine."""
    is_file = source.lower().endswith(ENDINGS) or _PATH.match(source) is not None
    if source.startswith(HUB) or not is_file:
        return source
    return _PATH.split(source.rstrip("\\/"))[-1]

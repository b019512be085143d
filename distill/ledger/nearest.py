"""The stored request that is nearest to one that misses, found without comparing all pairs.

The ledger is read once for requests with the very same prompt: most misses differ elsewhere. Only
for the others it is read again: each looks for the few words of its prompt that are rarest in the
ledger and among the misses, which are those of its question and not those of the template, and the
stored request that shares most of them is the nearest. What is kept grows with the misses and not
with the ledger.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from distill.ledger.parts import Parts, count_differing, parts_of
from distill.ledger.store import Ledger

RARE_WORDS = 6
# Words that stand in no stored request tell a new question from a changed one. Only so many count:
# some are new by nature, such as the delimiters around what a judge is shown.
UNSEEN_WORDS = 2
# A word that stands in more of the stored requests than this belongs to a template.
RARE_SHARE = 0.01
RARE_AT_LEAST = 10
# A prompt that shares fewer of its rare words with a stored one asks something else.
MIN_SHARED = 0.5


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A request in the ledger.

    Args:
        key: Its key.
        created_at: When its answer came in, UTC.
        parts: What it is.
    """

    key: str
    created_at: str
    parts: Parts


@dataclass
class _Best:
    """The nearest request so far, with how far it is: fewer shared words, then more fields."""

    rank: tuple[int, int, str] | None = None
    stored: Stored | None = None

    def offer(self, rank: tuple[int, int, str], stored: Stored) -> None:
        if self.rank is None or rank < self.rank:
            self.rank, self.stored = rank, stored


def nearest(
    ledger: Ledger, misses: Sequence[Parts], apart: Sequence[Container[str]] | None = None
) -> list[Stored | None]:
    """Return the nearest stored request of each miss; `None` where none asks the same.

    Args:
        ledger: Where they are looked for.
        misses: What is not in it.
        apart: By miss, keys of stored requests that are not compared with it.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    best = [_Best() for _ in misses]
    apart = apart or [()] * len(misses)
    by_prompt: dict[str, list[int]] = {}
    for i, parts in enumerate(misses):
        by_prompt.setdefault(parts.prompt, []).append(i)
    words = {prompt: frozenset(prompt.split()) for prompt in by_prompt}
    known = frozenset().union(*words.values())
    seen: Counter[str] = Counter()
    count = 0
    for stored in _all(ledger):
        count += 1
        seen.update(known.intersection(stored.parts.prompt.split()))
        for i in by_prompt.get(stored.parts.prompt, ()):
            if stored.key in apart[i]:
                continue
            differing = count_differing(misses[i].fields, stored.parts.fields)
            best[i].offer((0, differing, stored.key), stored)
    others = {
        prompt: which
        for prompt, which in by_prompt.items()
        if all(best[i].stored is None for i in which)
    }
    _by_words(ledger, misses, apart, best, others, words, seen, count)
    return [one.stored for one in best]


def _by_words(
    ledger: Ledger,
    misses: Sequence[Parts],
    apart: Sequence[Container[str]],
    best: Sequence[_Best],
    others: dict[str, list[int]],
    words: dict[str, frozenset[str]],
    seen: Counter[str],
    count: int,
) -> None:
    """Find the nearest of the misses whose prompt is not in the ledger, by their rare words.

    Args:
        ledger: Where they are looked for.
        misses: All misses.
        apart: By miss, what is not compared with it.
        best: The nearest of each, filled in.
        others: The misses that are looked for, by prompt.
        words: Words by prompt.
        seen: In how many stored prompts each of the words stands.
        count: How many stored prompts there are.
    """
    among_misses = Counter(word for prompt in others for word in words[prompt])
    most = max(RARE_AT_LEAST, int(RARE_SHARE * count))
    prompts_by_word: dict[str, list[str]] = {}
    wanted: dict[str, int] = {}
    for prompt in others:
        rarest = sorted(words[prompt], key=lambda w: (seen[w] + among_misses[w], -len(w), w))
        unseen = [word for word in rarest if not seen[word]][:UNSEEN_WORDS]
        rare = [word for word in rarest if 0 < seen[word] <= most][: RARE_WORDS - len(unseen)]
        wanted[prompt] = len(rare) + len(unseen)
        for word in rare:
            prompts_by_word.setdefault(word, []).append(prompt)
    if not prompts_by_word:
        return
    for stored in _all(ledger):
        shared = prompts_by_word.keys() & set(stored.parts.prompt.split())
        votes = Counter(prompt for word in shared for prompt in prompts_by_word[word])
        for prompt, voted in votes.items():
            if voted < MIN_SHARED * wanted[prompt]:
                continue
            for i in others[prompt]:
                if stored.key in apart[i]:
                    continue
                differing = count_differing(misses[i].fields, stored.parts.fields)
                best[i].offer((-voted, differing, stored.key), stored)


def _all(ledger: Ledger) -> Iterable[Stored]:
    for key, provider, namespace, sample, request, created_at in ledger.requests():
        body = _body(request)
        if body is not None:
            parts = parts_of(provider, namespace, sample, body)
            yield Stored(key=key, created_at=created_at, parts=parts)


def _body(request: str) -> dict[str, Any] | None:
    """Return a stored request; `None` where somebody else's hand has left something else."""
    try:
        body = json.loads(request)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None

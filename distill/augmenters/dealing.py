"""Draws that share things out evenly, the same on every machine and with every library."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence


def shuffled(count: int, *, seed: int, what: str) -> list[int]:
    """Return the numbers below `count` in an order that `seed` and `what` decide.

    By hashes and not by a generator: a library's stream of random numbers may change.
    """

    def chance(i: int) -> bytes:
        return hashlib.sha256(f"{seed}\n{what}\n{i}".encode()).digest()

    return sorted(range(count), key=chance)


def quotas(seeds: int, *, per_seed: int, max_rows: int | None, seed: int) -> list[int]:
    """Return how many new questions each seed is asked for.

    Args:
        seeds: How many seeds there are.
        per_seed: Most of one seed.
        max_rows: Most of all together; they are shared out evenly, and what cannot be goes to
            seeds that are drawn. `None` sets no limit.
        seed: Of the draw.
    """
    wanted = seeds * per_seed
    if max_rows is None or max_rows >= wanted:
        return [per_seed] * seeds
    each, more = divmod(max_rows, seeds)
    lucky = frozenset(shuffled(seeds, seed=seed, what="seeds")[:more])
    return [each + (i in lucky) for i in range(seeds)]


def dealt(options: int, hands: Sequence[int], *, seed: int) -> Iterator[list[tuple[int, int]]]:
    """Deal options like cards: every one is dealt once before any is dealt again.

    The numbers in which any two options are dealt differ by 1 at most. A hand has an option twice
    only if it has all of them; further seeds at the end of a file change no earlier hand.

    Args:
        options: How many there are, >= 1.
        hands: How many each seed gets.
        seed: Of the order in which they are dealt.

    Yields:
        For each seed (option, sample index) pairs; the index counts an option's earlier
        occurrences in the same hand.
    """
    order = shuffled(options, seed=seed, what="options")
    start = 0
    for hand in hands:
        yield [(order[(start + k) % options], k // options) for k in range(hand)]
        start += hand

"""How often two outputs begin alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

from distill.component import Positive, component


@component
class OpenerConcentration:
    """Share of all pairs of outputs that begin with the same words; high is one mould.

    Unlike the share of the most frequent opener, its expectation does not hang on the number of
    outputs. An output of fewer words is its own opener; one without words begins like no other.

    Args:
        words: Words of an opener, >= 1.

    Source: Simpson 1949, Nature 163:688, without replacement.
    """

    name: ClassVar[str] = "opener_concentration"

    words: Positive

    def measure(self, texts: Sequence[str]) -> float | None:
        """Return the share, in [0, 1]; `None` for fewer than two texts."""
        if len(texts) < 2:
            return None
        openers = Counter(opener(text, self.words) for text in texts)
        openers.pop((), None)
        alike = sum(count * (count - 1) for count in openers.values())
        return alike / (len(texts) * (len(texts) - 1))


def opener(text: str, words: int) -> tuple[str, ...]:
    """Return the first words of a text."""
    return tuple(text.split(maxsplit=words)[:words])

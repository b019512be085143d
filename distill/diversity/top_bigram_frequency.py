"""Weight of the most repeated word pair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from distill.component import component
from distill.diversity.texts import Texts


@component
class TopBigramFrequency:
    """Share of all word pairs that are the most frequent pair; rises as outputs repeat a phrase.

    Pairs are counted over all outputs together; none crosses from one output to the next.

    Note:
        In ordinary prose it is a statistic of function words and punctuation.
    """

    name: ClassVar[str] = "top_bigram_frequency"

    def measure(self, texts: Sequence[str]) -> float | None:
        """Return the share, in [0, 1]; 0 where no output has two words, `None` for no texts."""
        if not texts:
            return None
        profile = Texts.of(texts).profile
        return profile.top_pair / profile.pairs if profile.pairs else 0.0

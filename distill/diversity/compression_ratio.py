"""How far a text can be compressed, at a fixed number of tokens."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from typing import ClassVar

from distill.component import Positive, component
from distill.diversity.texts import Texts


@component
class CompressionRatio:
    """Bytes divided by bytes after gzip, over a sample of exactly `tokens` words; high repeats.

    The words of the sample are joined by single spaces; how it is drawn is told in `Texts.sample`.

    Args:
        tokens: Words in the sample, >= 1. Where the texts have fewer, all are used, and the
            figure is not comparable with one of a full sample.

    Note:
        gzip sees repetition within 32 kB only. Other builds of zlib may differ in the third digit.

    Source: Shaib et al. 2024, arXiv 2403.00553, there over all the text.
    """

    name: ClassVar[str] = "compression_ratio"

    tokens: Positive

    def measure(self, texts: Sequence[str]) -> float | None:
        """Return the ratio, > 0; `None` where there is no word."""
        return compression_ratio(Texts.of(texts).sample(self.tokens).words)


def compression_ratio(texts: Sequence[Sequence[str]]) -> float | None:
    """Return the ratio of texts given as words, all of them."""
    raw = " ".join(" ".join(words) for words in texts if words).encode("utf-8", "surrogatepass")
    return len(raw) / len(gzip.compress(raw, mtime=0)) if raw else None

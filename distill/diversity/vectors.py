"""What figures of meaning are worked out from: vectors of length 1, one a text that has words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from distill.diversity.texts import Texts

Kind = Literal["static", "tfidf"]


def vectors(texts: Sequence[str], rows: int, kind: Kind = "static") -> Any:
    """Return the vectors of a sample of texts, `(texts, dimensions)`; those without any are out.

    Args:
        texts: The texts.
        rows: Of the sample, at most; see `Texts.first`.
        kind: `static`: dense, of meaning; `tfidf`: sparse, of words, weighted over the sample.

    Raises:
        ExtraMissingError: `static` without the extra `embed`.
    """
    sample = Texts.of(texts).first(rows)
    if kind == "static":
        return sample.vectors
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = [text for text in sample if text.split()]
    if not words:
        return np.zeros((0, 1))
    return TfidfVectorizer(tokenizer=str.split, token_pattern=None).fit_transform(words)


def mean_cosine(dense_or_sparse: Any) -> float | None:
    """Return the mean cosine of all pairs, exactly, from the length of the vectors' sum.

    Args:
        dense_or_sparse: `(texts, dimensions)`, each of length 1.
    """
    n = dense_or_sparse.shape[0]
    if n < 2:
        return None
    total = np.asarray(dense_or_sparse.sum(axis=0), dtype=np.float64).ravel()
    return float((total @ total - n) / (n * (n - 1)))


def vendi_score(dense: NDArray[Any]) -> float | None:
    """Return the exponential of the entropy of the eigenvalues of the cosines, over n.

    Args:
        dense: `(texts, dimensions)`, each of length 1. The covariance of the dimensions has the
            eigenvalues that the texts' cosines have.
    """
    n = len(dense)
    if not n:
        return None
    wide = np.asarray(dense, dtype=np.float64)
    gram = wide.T @ wide if wide.shape[1] <= n else wide @ wide.T
    values = np.linalg.eigvalsh(gram / n)
    values = values[values > 0]
    return float(np.exp(-(values * np.log(values)).sum()))

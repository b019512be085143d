"""Do two sets of texts come from one source? A classifier two-sample test by their words.

A linear classifier on TF-IDF of words and pairs of words is trained to tell the two apart, and the
area under its ROC curve (AUC) on texts that it was not trained on says how well it can: 0.5 is
chance. Were there one source, the sides would be dealt by chance; so they are dealt anew within
each fold and everything is trained again. `p = (1 + b) / (1 + B)`, where b of B deals are told
apart as well as the real sides. The deals make p exact however the folds depend on each other.

Sources: Lopez-Paz and Oquab 2017 (arXiv:1610.06545) for the test. Unlike there, AUC is taken
instead of accuracy, p from the deals instead of a normal distribution, and the classifier is ridge
regression on the sides: its held-out scores have a closed form for all folds and deals at once
(Rifkin and Lippert 2007, "Notes on Regularized Least Squares"), and it finds as much as
logistic regression, as docs/guards.md shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
FOLDS = 5
PENALTY = 3.0  # 1 finds a little less
ALIKE = 1e-9  # two AUCs that differ by less are the same
# Written without spaces: each sign stands for a word.
UNSPACED = r"([\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])"


@dataclass(frozen=True, kw_only=True)
class Word:
    """A word, or a pair of words, that the classifier goes by.

    Args:
        text: As it was compared.
        weight: Above 0 it speaks for the first side, below for the second.
        first: Share of the first side's texts that hold it, in [0, 1].
        second: The same of the second side.
    """

    text: str
    weight: float
    first: float
    second: float


@dataclass(frozen=True, kw_only=True)
class TwoSample:
    """How well the two sides can be told apart.

    Args:
        auc: Mean over the folds, in [0, 1]; 0.5 is chance.
        p_value: In (0, 1].
        words: The words with the largest weights, by falling weight.
    """

    auc: float
    p_value: float
    words: tuple[Word, ...]


def stripped(texts: pl.Series) -> pl.Series:
    """Return the words of texts without what is mere form; "" where there is none.

    Case, signs, apostrophes, white space and the way of writing a number do not count: every number
    is one and the same word.
    """
    plain = pl.col("text").str.normalize("NFKC").str.to_lowercase().str.replace_all("['’‘`´]", "")
    words = (
        plain.str.replace_all(r"\p{N}+(?:[.,:]\p{N}+)*", " 0 ")
        .str.replace_all(UNSPACED, " $1 ")
        .str.replace_all(r"[^\p{L}\p{M}\p{N}]+", " ")
        .str.strip_chars()
    )
    return pl.DataFrame({"text": texts}, schema={"text": pl.String}).select(words)["text"]


def one_of_each(first: pl.Series, second: pl.Series, *, seed: int) -> tuple[list[str], list[str]]:
    """Return the distinct texts of both sides, each on the side of one of its copies.

    A text that stands several times tells its side by heart. Which copy counts is drawn without
    looking at the sides, so that two draws of one source stay that, also where one is a part of the
    other.

    Args:
        first: Texts as `stripped` returns them; empty ones are left out.
        second: The same.
        seed: Of the draws.
    """
    rows = pl.DataFrame(
        {
            "text": pl.concat([first, second]),
            "first": np.arange(len(first) + len(second)) < len(first),
            "draw": np.random.default_rng(seed).permutation(len(first) + len(second)),
        }
    )
    kept = rows.filter(pl.col("text") != "").sort("draw").unique("text", keep="first")
    sides = kept.sort("draw").partition_by("first", as_dict=True)
    empty = kept.clear()
    return tuple(sides.get((side,), empty)["text"].to_list() for side in (True, False))  # type: ignore[return-value]


def tell_apart(
    first: list[str], second: list[str], *, permutations: int, seed: int, words: int = 10
) -> TwoSample:
    """Compare two sides.

    Args:
        first: At least `FOLDS` texts as `stripped` returns them, all of them distinct.
        second: The same.
        permutations: Deals of the sides, >= 1.
        seed: Of folds and deals.
        words: Most words told of each side.
    """
    from threadpoolctl import threadpool_limits

    side = np.repeat([1.0, 0.0], [len(first), len(second)])
    names, matrix = _features([*first, *second])
    rng = np.random.default_rng(seed)
    folds = _folds(side, rng)
    sides = _dealt(side, folds, permutations, rng)
    # One thread: the same sums everywhere, and small matrices are not worth the waiting of more.
    with threadpool_limits(1):
        aucs, weights = _cross_validated(matrix, sides, folds)
    as_far = int((aucs[1:] >= aucs[0] - ALIKE).sum())
    return TwoSample(
        auc=float(aucs[0]),
        p_value=(1 + as_far) / (1 + permutations),
        words=_telling(names, matrix, weights, side, words),
    )


def _features(texts: list[str]) -> tuple[NDArray[Any], Any]:
    """Return names and TF-IDF of the words and pairs; what stands in one text tells nothing."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2),
        token_pattern=r"\S+",  # noqa: S106
        lowercase=False,
        min_df=2,
        sublinear_tf=True,
    )
    try:
        matrix = vectorizer.fit_transform(texts)
    except ValueError:
        # No word stands in two texts.
        from scipy.sparse import csr_matrix

        return np.array([], dtype=object), csr_matrix((len(texts), 1))
    return vectorizer.get_feature_names_out(), matrix


def _folds(side: Floats, rng: np.random.Generator) -> Ints:
    """Return `(texts,)`, the fold of each; every fold has its part of both sides."""
    folds = np.empty(len(side), dtype=np.int64)
    for one in (0.0, 1.0):
        at = rng.permutation(np.flatnonzero(side == one))
        folds[at] = np.arange(len(at)) % FOLDS
    return folds


def _dealt(side: Floats, folds: Ints, deals: int, rng: np.random.Generator) -> Floats:
    """Return `(texts, 1 + deals)`: the sides, then the sides dealt anew within each fold."""
    sides = np.repeat(side[:, None], 1 + deals, axis=1)
    for fold in range(FOLDS):
        at = np.flatnonzero(folds == fold)
        sides[at, 1:] = rng.permuted(sides[at, 1:], axis=0)
    return sides


def _cross_validated(matrix: Any, sides: Floats, folds: Ints) -> tuple[Floats, Floats]:
    """Return the AUC of each column of sides, and the weights that all texts give the first.

    Args:
        matrix: (texts, features), sparse.
        sides: (texts, columns), 1 for the first side and 0 for the second.
        folds: (texts,), the fold that each text is held out in.

    Returns:
        (columns,), each in [0, 1], and (features,).
    """
    from scipy.linalg import lapack

    kernel: Floats = (matrix @ matrix.T).toarray()
    kernel[np.diag_indices_from(kernel)] += PENALTY
    # Symmetric: its transpose is itself in the order that LAPACK overwrites in place.
    lower, _ = lapack.dpotrf(kernel.T, lower=1, overwrite_a=1)
    inverse, _ = lapack.dpotri(lower, lower=1, overwrite_c=1)
    inverse += np.tril(inverse, -1).T
    centred = sides - sides.mean(axis=0)
    fitted = inverse @ centred
    aucs = np.zeros(sides.shape[1])
    for fold in range(FOLDS):
        at = np.flatnonzero(folds == fold)
        # What is not explained by the other folds: Rifkin and Lippert 2007, for blocks.
        scores = centred[at] - np.linalg.solve(inverse[np.ix_(at, at)], fitted[at])
        aucs += _auc(sides[at], scores) / FOLDS
    weights: Floats = matrix.T @ fitted[:, 0]
    return aucs, weights


def _auc(sides: Floats, scores: Floats) -> Floats:
    """Return the AUC of each column; texts with equal scores count half."""
    from scipy.stats import rankdata

    ones = sides.sum(axis=0)
    above = (rankdata(scores, axis=0) * sides).sum(axis=0) - ones * (ones + 1) / 2
    auc: Floats = above / (ones * (len(sides) - ones))
    return auc


def _telling(
    names: NDArray[Any], matrix: Any, weights: Floats, side: Floats, most: int
) -> tuple[Word, ...]:
    order = np.argsort(-weights[: len(names)], kind="stable")
    holds = matrix > 0
    shares = [np.asarray(holds[side == one].mean(axis=0)).ravel() for one in (1.0, 0.0)]
    chosen = [at for at in order[:most] if weights[at] > 0]
    chosen += [at for at in order[max(0, len(order) - most) :] if weights[at] < 0]
    return tuple(
        Word(
            text=str(names[at]),
            weight=float(weights[at]),
            first=float(shares[0][at]),
            second=float(shares[1][at]),
        )
        for at in chosen
    )

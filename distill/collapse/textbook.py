"""Model collapse where its mathematics is known: a Gaussian, a regression, Zipf's law.

Each case is a chain of generations that learn from the generation before. They are documentation
that runs: the figures beside which a chain of language models can be read. Two traps stand in
them. The mean variance of a Gaussian chain, and the mean mass of a tail, never move: a chain
collapses while its average over chains does not, so what is followed here are the squared
Wasserstein distance and the support.

Sources:
    Shumailov et al. 2024, Nature 631:755 (Gaussian); Gerstgrasser et al. 2024, arXiv 2404.01413
    (regression, and the bound of pi^2 / 6 for accumulated data).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from distill.collapse.regimes import Regime

Floats = NDArray[np.float64]
BOUND = math.pi**2 / 6


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Count, mean and sum of squared deviations of samples of many chains.

    Args:
        n: Samples of each chain.
        mean: `(chains, …)`.
        squares: `(chains, …)`.
    """

    n: int
    mean: Floats
    squares: Floats

    def with_(self, other: Moments) -> Moments:
        """Pool two samples; source: Chan, Golub and LeVeque 1983, Am Stat 37:242."""
        n, gap = self.n + other.n, other.mean - self.mean
        return Moments(
            n=n,
            mean=self.mean + gap * other.n / n,
            squares=self.squares + other.squares + gap**2 * self.n * other.n / n,
        )


def gaussian(regime: Regime, *, samples: int, generations: int, chains: int, seed: int) -> Floats:
    """Fit a normal distribution to draws from the fit before, again and again.

    Args:
        regime: What a generation learns from.
        samples: Draws a generation, >= 2.
        generations: After the one that saw real data only.
        chains: Independent repetitions.
        seed: Of every draw.

    Returns:
        `(generations + 1,)`, the mean squared 2-Wasserstein distance to the true distribution,
        relative to generation 0. Theory: `n + 1` under replace, at most pi^2 / 6 under accumulate.
    """
    rng = np.random.default_rng(seed)
    kept = regime.kept(samples)
    real = _draw(rng, np.zeros(chains), np.ones(chains), kept)
    data = real.with_(_draw(rng, np.zeros(chains), np.ones(chains), samples - kept))
    distances = []
    for generation in range(generations + 1):
        sigma = np.sqrt(data.squares / (data.n - 1))
        distances.append(float(np.mean(data.mean**2 + (sigma - 1) ** 2)))
        if generation == generations:
            break
        own = _draw(rng, data.mean, sigma, samples - kept)
        data = (data if regime.name == "accumulate" else real).with_(own)
    return np.array(distances) / distances[0]


def _draw(rng: np.random.Generator, mean: Floats, sigma: Floats, n: int) -> Moments:
    """Draw the moments of `n` normal samples a chain; they are independent of each other."""
    if n == 0:
        return Moments(n=0, mean=np.zeros_like(mean), squares=np.zeros_like(mean))
    centre = mean + sigma * rng.standard_normal(len(mean)) / math.sqrt(n)
    spread = rng.chisquare(n - 1, len(mean)) if n > 1 else np.zeros(len(mean))
    return Moments(n=n, mean=centre, squares=sigma**2 * spread)


def regression(
    regime: Regime, *, dimensions: int, samples: int, generations: int, chains: int, seed: int
) -> Floats:
    """Fit a linear regression to labels that the fit before gave, with fresh noise.

    Args:
        regime: `replace` or `accumulate`.
        dimensions: Of the inputs, >= 1.
        samples: Inputs a generation, more than `dimensions` + 1.
        generations: After the one that saw real labels only.
        chains: Independent repetitions.
        seed: Of every draw.

    Returns:
        `(generations + 1,)`, the mean excess test error relative to generation 0. Theory: `n + 1`
        under replace, at most pi^2 / 6 under accumulate.

    Raises:
        ValueError: the regime is `keep`, for which this case has no theory.
    """
    if regime.name == "keep":
        raise ValueError("regime: got keep, want replace or accumulate")
    rng = np.random.default_rng(seed)
    errors = np.zeros((chains, generations + 1))
    for chain in range(chains):
        # By symmetry the true weights may be zero.
        weights: Floats = np.zeros(dimensions)
        gram, moment = np.zeros((dimensions, dimensions)), np.zeros(dimensions)
        for generation in range(generations + 1):
            inputs = rng.standard_normal((samples, dimensions))
            labels = inputs @ weights + rng.standard_normal(samples)
            if regime.name == "replace":
                gram, moment = np.zeros_like(gram), np.zeros_like(moment)
            gram = gram + inputs.T @ inputs
            moment = moment + inputs.T @ labels
            weights = np.asarray(np.linalg.solve(gram, moment), dtype=np.float64)
            errors[chain, generation] = float(weights @ weights)
    mean: Floats = np.asarray(errors.mean(axis=0), dtype=np.float64)
    return np.asarray(mean / mean[0], dtype=np.float64)


def zipf(
    regime: Regime, *, types: int, draws: int, generations: int, chains: int, seed: int
) -> Floats:
    """Count words that are drawn by the counts before.

    Args:
        regime: What a generation learns from.
        types: Words of the true distribution, the r-th with a probability in proportion to 1 / r.
        draws: Words a generation.
        generations: After the one that saw real words only.
        chains: Independent repetitions.
        seed: Of every draw.

    Returns:
        `(generations + 1,)`, the mean share of the words of generation 0 that are still used.
        Under accumulate it is 1: nothing that was ever seen is forgotten.
    """
    rng = np.random.default_rng(seed)
    true = 1 / np.arange(1, types + 1)
    real = rng.multinomial(draws, true / true.sum(), size=chains)
    known, counts, alive = real > 0, real, [1.0]
    kept = np.zeros_like(real)
    for chain in range(chains) if regime.name == "keep" else ():
        kept[chain] = rng.multivariate_hypergeometric(
            real[chain], regime.kept(draws), method="marginals"
        )
    for _ in range(generations):
        made = draws - regime.kept(draws)
        own = rng.multinomial(made, counts / counts.sum(axis=1, keepdims=True))
        counts = (counts if regime.name == "accumulate" else kept) + own
        alive.append(float(((counts > 0) & known).sum(axis=1).mean() / known.sum(axis=1).mean()))
    return np.array(alive)

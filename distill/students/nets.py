"""Small perceptrons on numbers, trained on soft targets; several seeds at once, in one tensor.

The students of `distill.students.SoftTargets` with a hidden layer, and the means by which the
claims about soft targets are measured: what differs between seeds hides what differs between
targets, so that one seed shows nothing. This module imports torch; nothing else here does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from distill.students.losses import hinton, same_width


class Nets:
    """Perceptrons with one hidden layer of rectified units, one a seed.

    Args:
        features: Numbers of an input.
        hidden: Hidden units.
        classes: Classes told apart.
        seeds: Of the starting weights; each net starts as it would alone.

    Attributes:
        weights: (seeds, features, hidden), (seeds, 1, hidden), (seeds, hidden, classes) and
            (seeds, 1, classes): of the hidden layer with its biases, then of the outer one.
    """

    def __init__(self, *, features: int, hidden: int, classes: int, seeds: Sequence[int]) -> None:
        draws = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.weights = (
            _start(features, hidden, draws),
            torch.zeros(len(draws), 1, hidden, requires_grad=True),
            _start(hidden, classes, draws),
            torch.zeros(len(draws), 1, classes, requires_grad=True),
        )

    def __call__(self, inputs: Tensor, dropout: float = 0.0) -> Tensor:
        """Return logits, (seeds, examples, classes), of inputs, (seeds, examples, features).

        Args:
            inputs: What is looked at.
            dropout: Share of the hidden units that is left out, in [0, 1); 0 to ask the nets.
        """
        inner, inner_bias, outer, outer_bias = self.weights
        hidden = torch.relu(torch.baddbmm(inner_bias, inputs, inner))
        hidden = torch.nn.functional.dropout(hidden, dropout)
        return torch.baddbmm(outer_bias, hidden, outer)


def _start(rows: int, columns: int, draws: Sequence[torch.Generator]) -> Tensor:
    """Return starting weights, (seeds, rows, columns), for rectified units (He et al. 2015)."""
    size = math.sqrt(2 / rows)
    start = [size * torch.randn(rows, columns, generator=draw) for draw in draws]
    return torch.stack(start).requires_grad_()


def fit(
    nets: Nets,
    inputs: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    *,
    alpha: float,
    temperature: float,
    steps: int,
    learning_rate: float,
    seeds: Sequence[int],
    batch: int | None = None,
    weight_decay: float = 0.0,
    noise: float = 0.0,
    dropout: float = 0.0,
) -> Nets:
    """Train by Adam on Hinton's loss and return the nets.

    Args:
        nets: Trained in place.
        inputs: (seeds, examples, features).
        teacher_logits: (seeds, examples, classes), or log-probabilities.
        labels: (seeds, examples), true classes, or `losses.NO_LABEL`.
        alpha: Weight of the soft targets, in [0, 1].
        temperature: Of the soft targets, above 0.
        steps: How many; a higher temperature needs more of them.
        learning_rate: Adam's, above 0.
        seeds: Of the draws of batches and noise, one a net.
        batch: Examples of a step; `None` takes all.
        weight_decay: Share of the weights that a step takes away, by the learning rate (AdamW).
        noise: Standard deviation of what is added to each input at each step.
        dropout: Share of the hidden units that each step leaves out, in [0, 1).

    Raises:
        UserError: teacher and student tell different numbers of classes apart.
    """
    same_width(teacher_logits.shape[-1], nets.weights[-1].shape[-1])
    # Dropout draws from the one generator of the process, which is left as it was found.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeds[0])
        draws = [torch.Generator().manual_seed(seed) for seed in seeds]
        descent = torch.optim.AdamW(nets.weights, lr=learning_rate, weight_decay=weight_decay)
        for _ in range(steps):
            rows = _rows(inputs.shape[1], batch, draws)
            seen = _take(inputs, rows)
            if noise > 0:
                shape = seen.shape[1:]
                seen = seen + noise * torch.stack([torch.randn(shape, generator=d) for d in draws])
            loss = hinton(
                _take(teacher_logits, rows),
                nets(seen, dropout),
                _take(labels, rows),
                alpha=alpha,
                temperature=temperature,
            )
            descent.zero_grad()
            # The mean over seeds, taken back: each net learns as it would alone.
            (loss * len(draws)).backward()
            descent.step()
    return nets


def logits_of(nets: Nets, inputs: Tensor) -> Tensor:
    """Return what the nets say to (seeds, examples, features), without keeping gradients."""
    with torch.no_grad():
        said: Tensor = nets(inputs)
    return said


def _rows(count: int, batch: int | None, draws: Sequence[torch.Generator]) -> Tensor | None:
    if batch is None or batch >= count:
        return None
    return torch.stack([torch.randperm(count, generator=draw)[:batch] for draw in draws])


def _take(values: Tensor, rows: Tensor | None) -> Tensor:
    """Return `rows`, (seeds, batch), of each seed's examples; all of them for `None`."""
    if rows is None:
        return values
    return values[torch.arange(len(rows))[:, None], rows]

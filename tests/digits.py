"""Scikit-learn's digits for several seeds at once, each with a split and a teacher of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from distill.students.nets import Nets, fit, logits_of

TRAINING = 1078


@dataclass(frozen=True, kw_only=True)
class Digits:
    """Inputs, (seeds, examples, 64) in [0, 1], and labels, (seeds, examples)."""

    seeds: tuple[int, ...]
    inputs: Any
    labels: Any
    test_inputs: Any
    test_labels: Any

    def __hash__(self) -> int:
        return hash(self.seeds)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Digits) and self.seeds == other.seeds


def read_digits(seeds: Sequence[int]) -> Digits:
    """Split the digits anew for each seed."""
    inputs, labels = load_digits(return_X_y=True)
    parts = [
        train_test_split(
            (inputs / 16).astype(np.float32),
            labels,
            train_size=TRAINING,
            stratify=labels,
            random_state=seed,
        )
        for seed in seeds
    ]
    train, test, train_labels, test_labels = (
        torch.tensor(np.stack(part)) for part in zip(*parts, strict=True)
    )
    return Digits(
        seeds=tuple(seeds),
        inputs=train,
        labels=train_labels,
        test_inputs=test,
        test_labels=test_labels,
    )


@cache
def teacher_logits(data: Digits) -> Any:
    """Train one teacher a seed and return what it says to its training inputs."""
    nets = Nets(features=64, hidden=256, classes=10, seeds=data.seeds)
    fit(
        nets,
        data.inputs,
        one_hot(data.labels),
        data.labels,
        alpha=0.0,
        temperature=1.0,
        steps=500,
        learning_rate=2e-3,
        seeds=data.seeds,
        batch=128,
        noise=0.15,
        dropout=0.3,
    )
    return logits_of(nets, data.inputs)


def one_hot(labels: Any) -> Any:
    """Return log-probabilities that rule out all but the label."""
    return torch.nn.functional.one_hot(labels, 10).float().log()


def shuffled(logits: Any, *, seed: int) -> Any:
    """Return the logits with those of the classes that are not the likeliest dealt out anew."""
    rng = np.random.default_rng(seed)
    dealt = logits.numpy().copy()
    for row in dealt.reshape(-1, dealt.shape[-1]):
        others = np.flatnonzero(np.arange(len(row)) != row.argmax())
        row[others] = row[rng.permutation(others)]
    return torch.tensor(dealt)


def accuracy(nets: Nets, data: Digits) -> Any:
    """Return the share of right answers to the test inputs, (seeds,)."""
    count = len(nets.weights[0])
    guess = logits_of(nets, data.test_inputs[:count]).argmax(dim=-1)
    return (guess == data.test_labels[:count]).double().mean(dim=-1).numpy()

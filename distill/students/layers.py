"""Weights of a student in layers, and how scikit-learn is made to carry them.

Whatever trained them, the student is kept as a scikit-learn pipeline: it is saved without pickle,
loads without torch, and MLflow takes it as it takes any other.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
# (inputs, outputs) weights and (outputs,) biases, from the first layer to the last.
Layers = list[tuple[Matrix, Matrix]]


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a student with layers is trained on.

    Args:
        inputs: (examples, features), dense or sparse.
        probs: (examples, classes), the teacher's distributions.
        labels: (examples,) hard labels.
    """

    inputs: Any
    probs: Matrix
    labels: NDArray[np.int64]

    def at(self, rows: NDArray[np.int64]) -> Given:
        """Return some of the examples."""
        return Given(inputs=self.inputs[rows], probs=self.probs[rows], labels=self.labels[rows])


def softened(probs: Matrix, temperature: float) -> Matrix:
    """Return (rows, classes) at a temperature: the softmax of their logarithms divided by it."""
    powers = probs ** (1 / temperature)
    normalised: Matrix = powers / powers.sum(axis=1, keepdims=True)
    return normalised


def logits_of(layers: Layers, inputs: Any) -> Matrix:
    """Return the logits, (rows, classes), that the layers give to inputs, (rows, features)."""
    *hidden, (weights, biases) = layers
    for inner, inner_biases in hidden:
        inputs = np.maximum(inputs @ inner + inner_biases, 0)
    logits: Matrix = inputs @ weights + biases
    return logits


def cooled(layers: Layers, temperature: float) -> Layers:
    """Return layers whose logits are divided by `temperature`."""
    *hidden, (weights, biases) = layers
    return [*hidden, (weights / temperature, biases / temperature)]


def pipeline_of(step: Any, layers: Layers) -> Any:
    """Return the scikit-learn pipeline of a fitted step and the layers behind it.

    scikit-learn tells two classes apart by one number: the difference of their logits.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline

    *hidden, (weights, biases) = layers
    classes = len(biases)
    if classes == 2:
        weights, biases = weights[:, 1:] - weights[:, :1], biases[1:] - biases[:1]
    if hidden:
        model: Any = MLPClassifier(hidden_layer_sizes=tuple(len(bias) for _, bias in hidden))
        model.coefs_ = [inner for inner, _ in hidden] + [weights]
        model.intercepts_ = [bias for _, bias in hidden] + [biases]
        model.n_layers_ = len(layers) + 1
        model.n_outputs_ = len(biases)
        model.out_activation_ = "logistic" if classes == 2 else "softmax"
    else:
        model = LogisticRegression()
        model.coef_, model.intercept_ = weights.T.copy(), biases
    model.classes_ = np.arange(classes)
    model.n_features_in_ = len(layers[0][0])
    return make_pipeline(step, model)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute on one thread, so that sums do not depend on the machine's cores."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)

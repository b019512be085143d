"""Softmax regression on Hinton's loss; scikit-learn's takes neither a temperature nor a mixture."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

Matrix = NDArray[np.float64]


def hinton_loss(
    logits: Matrix, targets: Matrix, labels: NDArray[np.int64], *, alpha: float, temperature: float
) -> tuple[float, Matrix]:
    """Return alpha T² CE(p_T, q_T) + (1 - alpha) CE(y, q), summed over rows, and its gradient.

    The same as `losses.hinton` of torch but for the sum, where torch is not installed.

    Args:
        logits: (rows, classes) of the student.
        targets: (rows, classes), p_T: the teacher's, softened.
        labels: (rows,) true classes.
        alpha: Weight of the soft targets, in [0, 1].
        temperature: T, above 0.

    Returns:
        The loss in nats, and its gradient by `logits`, (rows, classes).
    """
    rows = np.arange(len(labels))
    soft = -(targets * log_softmax(logits / temperature, axis=1)).sum()
    hard = -log_softmax(logits, axis=1)[rows, labels].sum()
    gradient = alpha * temperature * (softmax(logits / temperature, axis=1) - targets)
    probs = softmax(logits, axis=1)
    probs[rows, labels] -= 1
    loss = alpha * temperature**2 * soft + (1 - alpha) * hard
    return float(loss), gradient + (1 - alpha) * probs


def fit_softmax(
    inputs: Any,
    targets: Matrix,
    labels: NDArray[np.int64],
    *,
    alpha: float,
    temperature: float,
    regularisation: float,
) -> tuple[Matrix, Matrix]:
    """Return weights, (features, classes), and biases, (classes,), at the loss's minimum.

    Args:
        inputs: (rows, features), dense or sparse.
        targets: (rows, classes), the teacher's distributions at the temperature.
        labels: (rows,) true classes.
        alpha: Weight of the soft targets, in [0, 1].
        temperature: Above 0.
        regularisation: Half of it by the squared weights is added to the sum of losses, > 0.
    """
    from scipy.optimize import minimize

    features, classes = inputs.shape[1], targets.shape[1]

    def objective(flat: Matrix) -> tuple[float, Matrix]:
        weights, biases = flat[:-classes].reshape(features, classes), flat[-classes:]
        loss, gradient = hinton_loss(
            inputs @ weights + biases, targets, labels, alpha=alpha, temperature=temperature
        )
        slope = inputs.T @ gradient + regularisation * weights
        penalty = regularisation / 2 * float((weights**2).sum())
        return loss + penalty, np.concatenate([slope.ravel(), gradient.sum(axis=0)])

    found = minimize(
        objective,
        np.zeros((features + 1) * classes),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 1000, "gtol": 1e-6, "ftol": 1e-12},
    ).x
    return found[:-classes].reshape(features, classes), found[-classes:]

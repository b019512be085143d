"""Divergences are what their names say, and soft targets pull as hard at any temperature."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.special import log_softmax, rel_entr, softmax

torch = pytest.importorskip("torch", reason="pip install 'distill[train]'")

from distill.errors import UserError  # noqa: E402
from distill.students import losses  # noqa: E402

RNG = np.random.default_rng(0)
TEACHER, STUDENT = 3 * RNG.normal(size=(2, 7, 11))
P, Q = softmax(TEACHER, axis=-1), softmax(STUDENT, axis=-1)


def logs(logits: Any) -> Any:
    return torch.log_softmax(torch.tensor(logits), dim=-1)


def close(tensor: Any, wanted: Any) -> bool:
    return bool(np.allclose(tensor.detach().numpy(), wanted, rtol=0, atol=1e-9))


def test_forward_kl_is_scipys_relative_entropy_of_the_teacher_to_the_student() -> None:
    found = losses.forward_kl(logs(TEACHER), logs(STUDENT))

    assert close(found, rel_entr(P, Q).sum(axis=-1))
    assert not close(found, rel_entr(Q, P).sum(axis=-1))


def test_reverse_kl_is_scipys_relative_entropy_of_the_student_to_the_teacher() -> None:
    assert close(losses.reverse_kl(logs(TEACHER), logs(STUDENT)), rel_entr(Q, P).sum(axis=-1))


def test_jensen_shannon_is_the_square_of_scipys_distance() -> None:
    found = losses.jensen_shannon(logs(TEACHER), logs(STUDENT))

    assert close(found, jensenshannon(P, Q, axis=-1) ** 2)


@pytest.mark.parametrize("beta", [0.001, 0.1, 0.3, 0.9])
def test_a_generalised_jensen_shannon_weighs_the_teacher_by_beta(beta: float) -> None:
    middle = beta * P + (1 - beta) * Q
    wanted = beta * rel_entr(P, middle) + (1 - beta) * rel_entr(Q, middle)

    found = losses.jensen_shannon(logs(TEACHER), logs(STUDENT), beta=beta)

    assert close(found, wanted.sum(axis=-1))


def test_near_its_ends_beta_scales_a_kl_divergence_down_and_does_not_reach_it() -> None:
    forward = losses.forward_kl(logs(TEACHER), logs(STUDENT))
    reverse = losses.reverse_kl(logs(TEACHER), logs(STUDENT))
    low = losses.jensen_shannon(logs(TEACHER), logs(STUDENT), beta=1e-6)
    high = losses.jensen_shannon(logs(TEACHER), logs(STUDENT), beta=1 - 1e-6)

    assert torch.allclose(low / 1e-6, forward, rtol=1e-2)
    assert torch.allclose(high / 1e-6, reverse, rtol=1e-2)
    assert float(low.max()) < 1e-4


@pytest.mark.parametrize("beta", [0, 1, -0.1, float("nan")])
def test_a_beta_at_which_jensen_shannon_says_nothing_is_refused(beta: float) -> None:
    with pytest.raises(ValueError, match="beta: got"):
        losses.jensen_shannon(logs(TEACHER), logs(STUDENT), beta=beta)


@pytest.mark.parametrize("kind", ["forward_kl", "reverse_kl", "jensen_shannon"])
def test_every_divergence_of_equals_is_zero_and_its_gradient_is_that_of_finite_differences(
    kind: Any,
) -> None:
    teacher = logs(TEACHER)

    def of(student: Any) -> Any:
        return losses.divergence(teacher, torch.log_softmax(student, dim=-1), kind=kind, beta=0.3)

    assert close(of(torch.tensor(TEACHER)), 0)
    assert torch.autograd.gradcheck(of, torch.tensor(STUDENT, requires_grad=True))


def test_a_class_that_the_teacher_rules_out_makes_no_value_or_gradient_infinite() -> None:
    teacher = torch.tensor([[0.0, -math.inf]], dtype=torch.float64)
    student = torch.zeros(1, 2, dtype=torch.float64, requires_grad=True)

    value = losses.forward_kl(teacher, torch.log_softmax(student, dim=-1))
    value.sum().backward()

    assert close(value, math.log(2))
    assert close(student.grad, [[-0.5, 0.5]])


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_hintons_loss_is_its_formula_and_its_gradient_that_of_finite_differences(
    alpha: float,
) -> None:
    heat, labels = 4.0, torch.arange(7)
    soft = -(softmax(TEACHER / heat, axis=-1) * log_softmax(STUDENT / heat, axis=-1)).sum(axis=-1)
    hard = -log_softmax(STUDENT, axis=-1)[np.arange(7), np.arange(7)]

    def of(student: Any) -> Any:
        return losses.hinton(torch.tensor(TEACHER), student, labels, alpha=alpha, temperature=heat)

    wanted = alpha * heat**2 * soft.mean() + (1 - alpha) * hard.mean()
    assert close(of(torch.tensor(STUDENT)), wanted)
    assert torch.autograd.gradcheck(of, torch.tensor(STUDENT, requires_grad=True))


def test_an_example_without_a_label_counts_in_the_soft_term_alone() -> None:
    labels = torch.tensor([0, 1, 2, 3, losses.NO_LABEL, losses.NO_LABEL, losses.NO_LABEL])
    parts = {
        alpha: losses.hinton(
            torch.tensor(TEACHER), torch.tensor(STUDENT), labels, alpha=alpha, temperature=2.0
        )
        for alpha in (0.0, 1.0)
    }
    hard = -log_softmax(STUDENT, axis=-1)[np.arange(4), np.arange(4)]
    soft = losses.soft_cross_entropy(torch.tensor(TEACHER), torch.tensor(STUDENT), 2.0)

    assert close(parts[0.0], hard.mean())
    assert close(parts[1.0], soft.mean())


def pull(heat: float, teacher: Any, student: Any) -> Any:
    """Return the gradient of the soft term by the student's logits."""
    logits = torch.tensor(student, requires_grad=True)
    losses.soft_cross_entropy(torch.tensor(teacher), logits, heat).sum().backward()
    return logits.grad.numpy()


def test_soft_targets_pull_as_hard_at_any_high_temperature_as_matching_logits_does() -> None:
    """Bar A: the factor T² holds the gradient's size, and it tends to (z - v) / classes."""
    teacher, student = np.random.default_rng(1).normal(0, 3, size=(2, 1000, 10))
    matching = student - student.mean(axis=1, keepdims=True)
    matching = (matching - (teacher - teacher.mean(axis=1, keepdims=True))) / 10
    at = {heat: pull(heat, teacher, student) for heat in (64.0, 128.0, 1000.0)}
    size = {heat: np.abs(found).mean() for heat, found in at.items()}

    assert abs(size[64.0] / size[1000.0] - 1) < 0.005
    off = np.linalg.norm(at[128.0] - matching) / np.linalg.norm(matching)
    assert off < 0.02


def test_a_teacher_with_other_classes_is_refused() -> None:
    losses.same_width(10, 10)
    with pytest.raises(UserError, match="teacher tells 10 classes apart and the student 9"):
        losses.same_width(10, 9)

"""What a student with logits is trained on: soft targets, and divergences that are what they say.

Written against torch alone, so that any student and any teacher whose logits can be had may use
them. Divergences take the teacher first, as the papers write them; names and directions are held
to scipy by the tests, because they are swapped in the wild: `torch.nn.functional.kl_div(a, b)` is
KL(b || a).

The generalised Jensen-Shannon divergence is that of Agarwal et al. 2023 (arXiv 2306.13649, eq. 1).
It tends to 0, not to a KL divergence, as `beta` tends to 0 or 1: there `beta` scales the gradient
and does not turn it. TRL's `generalized_jsd_loss` is equal to it for 0 < beta < 1 but gives forward
KL at exactly 0 and reverse KL at exactly 1, a jump. Here each of the three has a name of its own.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from distill.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

Divergence = Literal["forward_kl", "reverse_kl", "jensen_shannon"]
NO_LABEL = -100


def forward_kl(teacher: Tensor, student: Tensor) -> Tensor:
    """Return KL(teacher || student) in nats: covers all that the teacher would say.

    Args:
        teacher: (..., classes) log-probabilities; minus infinity is a probability of 0.
        student: (..., classes) log-probabilities.

    Returns:
        (...), >= 0; 0 where they are equal.
    """
    import torch

    probs = teacher.exp()
    # 0 * (minus infinity) is 0 here, and so is its gradient.
    ratio = torch.where(probs > 0, teacher - student, 0.0)
    return (probs * ratio).sum(dim=-1)


def reverse_kl(teacher: Tensor, student: Tensor) -> Tensor:
    """Return KL(student || teacher) in nats: keeps to what the teacher finds likely.

    Infinite where the student gives probability to what the teacher rules out.

    Args:
        teacher: (..., classes) log-probabilities.
        student: (..., classes) log-probabilities.

    Returns:
        (...), >= 0; 0 where they are equal.
    """
    return forward_kl(student, teacher)


def jensen_shannon(teacher: Tensor, student: Tensor, *, beta: float = 0.5) -> Tensor:
    """Return the generalised Jensen-Shannon divergence in nats.

    beta KL(teacher || m) + (1 - beta) KL(student || m) with m = beta teacher + (1 - beta) student.
    At `beta=0.5` it is the usual one, the square of scipy's distance.

    Args:
        teacher: (..., classes) log-probabilities.
        student: (..., classes) log-probabilities.
        beta: Weight of the teacher, in (0, 1).

    Returns:
        (...), in [0, log 2]; 0 where they are equal.

    Raises:
        ValueError: `beta` is 0 or 1, where the divergence is 0 whatever the two say.
    """
    import torch

    if not 0 < beta < 1:
        raise ValueError(f"beta: got {beta}, want a number above 0 and below 1.")
    middle = torch.logaddexp(teacher + math.log(beta), student + math.log1p(-beta))
    return beta * forward_kl(teacher, middle) + (1 - beta) * forward_kl(student, middle)


def divergence(teacher: Tensor, student: Tensor, *, kind: Divergence, beta: float = 0.5) -> Tensor:
    """Return the divergence named `kind`, (...), in nats; `beta` is of `jensen_shannon` alone."""
    if kind == "jensen_shannon":
        return jensen_shannon(teacher, student, beta=beta)
    return {"forward_kl": forward_kl, "reverse_kl": reverse_kl}[kind](teacher, student)


def soft_cross_entropy(
    teacher_logits: Tensor, student_logits: Tensor, temperature: float
) -> Tensor:
    """Return T² CE(softmax(teacher / T), softmax(student / T)), (...), in nats.

    The factor keeps the size of its gradient when T changes (Hinton, Vinyals and Dean 2015,
    arXiv 1503.02531, section 2): by a logit it is T (q - p), which tends to (z - v) / classes for
    logits z and v of mean 0.
    """
    import torch

    targets = torch.softmax(teacher_logits / temperature, dim=-1)
    logs = torch.log_softmax(student_logits / temperature, dim=-1)
    return -(temperature**2) * (targets * logs).sum(dim=-1)


def hinton(
    teacher_logits: Tensor,
    student_logits: Tensor,
    labels: Tensor,
    *,
    alpha: float,
    temperature: float,
) -> Tensor:
    """Return alpha T² CE(p_T, q_T) + (1 - alpha) CE(y, q), the mean over all examples, in nats.

    Args:
        teacher_logits: (..., classes); log-probabilities serve as well, minus infinity included.
        student_logits: (..., classes).
        labels: (...), the true class, or `NO_LABEL` where nobody knows it: such an example counts
            in the first term alone, and the second is the mean over the others.
        alpha: Weight of the soft targets, in [0, 1].
        temperature: T, above 0; the student is used at 1 afterwards.
    """
    import torch
    from torch.nn import functional

    soft = soft_cross_entropy(teacher_logits, student_logits, temperature).mean()
    known = labels != NO_LABEL
    if alpha == 1 or not bool(known.any()):
        return alpha * soft
    hard = functional.cross_entropy(
        student_logits.flatten(0, -2), labels.flatten(), ignore_index=NO_LABEL
    )
    return alpha * soft + (1 - alpha) * torch.as_tensor(hard)


def same_width(teacher: int, student: int) -> None:
    """Check that both have the same number of classes.

    Raises:
        UserError: they differ, so that their distributions cannot be compared.
    """
    if teacher != student:
        raise UserError(
            f"soft targets: the teacher tells {teacher} classes apart and the student {student}.",
            hint="both need the same classes in the same order",
        )

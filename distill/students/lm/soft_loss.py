"""A divergence over the tokens that were kept of the teacher, and one bucket for all others.

Merging tokens into a bucket never raises a divergence (the log-sum inequality), so that what is
told is a lower bound of the whole, and equal to it where the student is to the teacher as 1 to 1
within the bucket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from distill.students import losses

if TYPE_CHECKING:
    from torch import Tensor

    from distill.students.lm.teacher_pass import Targets


def bucketed(student_logs: Tensor, ids: Tensor, *, whole: bool) -> Tensor:
    """Return the student's log-probabilities of some tokens, and of all others together.

    Args:
        student_logs: (positions, vocabulary) log-probabilities.
        ids: (positions, kept) tokens, distinct in a row.
        whole: Whether these are the whole vocabulary, so that there are no others.

    Returns:
        (positions, kept + 1), or (positions, kept) where `whole`.
    """
    import torch

    kept = student_logs.gather(-1, ids)
    if whole:
        return kept
    others = student_logs.scatter(-1, ids, -torch.inf).logsumexp(dim=-1, keepdim=True)
    return torch.cat([kept, others], dim=-1)


def teacher_logs(targets: Targets, positions: Any) -> tuple[Tensor, Tensor]:
    """Return the tokens kept, (positions, kept), and the teacher's log-probabilities.

    The latter, (positions, kept + 1) with the bucket of all others last, or (positions, kept)
    where all are kept, sum to 1 again after their rounding to 16 bits.
    """
    import torch

    ids = torch.from_numpy(np.asarray(targets.ids[positions], dtype=np.int64))
    logs = torch.from_numpy(np.asarray(targets.logs[positions], dtype=np.float32))
    if ids.shape[-1] < targets.width:
        tail = torch.from_numpy(np.array(targets.tail[positions]))
        logs = torch.cat([logs, tail[:, None]], dim=-1)
    return ids, torch.log_softmax(logs, dim=-1)


def token_losses(
    logits: Tensor,
    said: Tensor,
    ids: Tensor,
    teacher: Tensor,
    *,
    alpha: float,
    temperature: float,
    divergence: losses.Divergence,
    beta: float,
) -> Tensor:
    """Return alpha T² D(teacher, student at T) + (1 - alpha) CE(said, student), (positions,).

    With `forward_kl` this is Hinton's loss but for a constant, the teacher's own entropy.

    Args:
        logits: (positions, vocabulary) of the student.
        said: (positions,) tokens of the answer.
        ids: (positions, kept) tokens kept of the teacher.
        teacher: See `teacher_logs`.
        alpha: Weight of the divergence, in [0, 1].
        temperature: T, at which the teacher's were taken.
        divergence: Which.
        beta: Of `jensen_shannon`.
    """
    import torch

    hard = torch.nn.functional.cross_entropy(logits, said, reduction="none")
    if alpha == 0:
        return hard
    student = bucketed(
        torch.log_softmax(logits / temperature, dim=-1),
        ids,
        whole=ids.shape[-1] == logits.shape[-1],
    )
    soft = losses.divergence(teacher, student, kind=divergence, beta=beta)
    return alpha * temperature**2 * soft + (1 - alpha) * hard

"""How likely the held-out answers are to a student, before its training and after.

A finer measure than right or wrong: it moves where no single answer turns yet, and it says so for
every item. It says nothing of what the student would answer, so it never makes the verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from distill.clustered import Clusters
from distill.scored import compare
from distill.students.trained import Trained, Weighs


@dataclass(frozen=True, kw_only=True)
class HeldoutLoss:
    """Mean cross-entropy of the tokens of the held-out answers, in nats a token.

    Args:
        before: Of the model before its training, >= 0.
        after: Of the student, >= 0.
        low: Lower limit of the 95 % bootstrap interval of `after - before`, by item.
        high: Its upper limit.
        n: Items.
    """

    before: float
    after: float
    low: float
    high: float
    n: int

    @property
    def sentence(self) -> str:
        """The figures in words."""
        change = self.after - self.before
        return (
            f"Loss on the held-out answers {self.before:.2f} → {self.after:.2f} nats a token "
            f"({change:+.2f}, 95% interval {self.low:+.2f} to {self.high:+.2f})."
        )


def heldout_loss(
    base: Trained,
    trained: Trained,
    questions: Sequence[str],
    references: Sequence[str],
    *,
    seed: int,
    clusters: Clusters | None = None,
) -> HeldoutLoss | None:
    """Compare the losses of base and student, or return `None` where one cannot weigh answers.

    Args:
        base: Before the training.
        trained: After it.
        questions: (items,) held out.
        references: (items,) what is right.
        seed: Of the resampling.
        clusters: Of the items, where some come from one source.
    """
    if not isinstance(base, Weighs) or not isinstance(trained, Weighs):
        return None
    before, after = (model.losses(questions, references) for model in (base, trained))
    # The bootstrap takes shares; a common scale changes nothing but the unit.
    scale = float(np.max([before, after])) or 1.0
    test = compare(after / scale, before / scale, seed, clusters)
    return HeldoutLoss(
        before=float(before.mean()),
        after=float(after.mean()),
        low=test.low * scale,
        high=test.high * scale,
        n=test.n,
    )

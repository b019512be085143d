"""Accuracy's counterpart that gives a rare label the weight of a common one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from distill.component import component
from distill.metrics.accuracy import plain_label


@component
class MacroF1:
    """Mean over the reference labels of the F1 score of each.

    Note:
        Only labels that occur among the references are averaged. scikit-learn's default also
        averages whatever else was answered, so that each new wrong word would count as one more
        label with F1 0 and two students would be measured on different sets of labels.
    """

    name: ClassVar[str] = "macro_f1"

    def summary(self, answers: Sequence[str | None], references: Sequence[str]) -> float:
        """Return the macro F1, in [0, 1]."""
        from sklearn.metrics import f1_score

        pairs = list(zip(answers, references, strict=True))
        if not pairs:
            raise ValueError("answers: got no items, want 1 or more")
        # A number stands for a label; no answer, and any that is not a reference label, is -1.
        labels = {label: i for i, label in enumerate(sorted({plain_label(r) for r in references}))}
        given = [-1 if a is None else labels.get(plain_label(a), -1) for a, _ in pairs]
        wanted = [labels[plain_label(reference)] for _, reference in pairs]
        return float(
            f1_score(wanted, given, labels=list(labels.values()), average="macro", zero_division=0)
        )

"""A language model that learns which of two answers the judge preferred."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from distill.component import PositiveFloat, component
from distill.students.classifier import TrainingError
from distill.students.examples import Examples
from distill.students.lm.base import identify
from distill.students.lm.encoding import asked
from distill.students.lm.settings import TunedSettings
from distill.students.lm.trained import About
from distill.students.sft import split
from distill.students.trained import Trained

DPO_TRAINER = "distill.students.lm.preference"


@component
class Dpo(TunedSettings):
    """Learn from pairs of a chosen and a rejected answer to one question (direct preference).

    The reference is the base as it is: with LoRA the same weights without the adapter, without it
    a second copy in memory.

    Args:
        beta: How far the student may move from the base for a preference, > 0; smaller moves
            further.

    Source:
        Rafailov et al. 2023, "Direct Preference Optimization", arXiv 2305.18290, equation 7.
    """

    beta: PositiveFloat

    def __post_init__(self) -> None:
        """Check what the fields alone cannot say.

        Raises:
            ValueError: pairs cannot be packed.
        """
        super().__post_init__()
        if self.packing:
            raise ValueError("packing: want false, as pairs are not packed")

    @property
    def tasks(self) -> frozenset[str]:
        """Those whose answers are judged in pairs."""
        return frozenset({"qa", "math"})

    def fit(self, examples: Examples, *, seed: int) -> Trained:
        """Tune the base on the examples that have a rejected answer; others say nothing here.

        Raises:
            TrainingError: no example has one, or they cannot be learnt from.
            UserError: the base, the device or a limit does not fit.
        """
        rejected = examples.rejected or (None,) * len(examples)
        rows = [
            pair_row(question, chosen, worse, self.system)
            for question, chosen, worse in zip(
                examples.questions, examples.answers, rejected, strict=True
            )
            if worse is not None
        ]
        if not rows:
            raise TrainingError(
                f"student: none of the {len(examples)} examples has a rejected answer.",
                hint="judge=pairwise teacher.samples=4 compares answers to one question; an "
                "answer that a human gave has none beside it",
            )
        folder = self.train(DPO_TRAINER, split(rows, self.validation_share, seed), seed=seed)
        is_adapter = self.lora["rank"] is not None
        about = About(method="dpo", base=identify(self.base), adapter=is_adapter)
        return self.answering(about, folder=folder)


def pair_row(question: str, chosen: str, rejected: str, system: str | None) -> dict[str, Any]:
    """Return a pair as trainers of preferences read it."""
    return {
        "prompt": asked(question, system),
        "chosen": _said(chosen),
        "rejected": _said(rejected),
    }


def _said(answer: str) -> Sequence[dict[str, str]]:
    return [{"role": "assistant", "content": answer}]

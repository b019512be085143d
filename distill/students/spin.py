"""A language model that learns to tell the dataset's answers from its own (self-play)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from distill.component import NonNegativeFloat, Positive, PositiveFloat, component
from distill.students.examples import Examples
from distill.students.lm.base import identify
from distill.students.lm.settings import TunedSettings
from distill.students.lm.trained import About
from distill.students.sft import TRAINER, conversations, split
from distill.students.trained import Trained

SPIN_TRAINER = "distill.students.lm.self_play"
OPPONENT = "opponent"


@component
class Spin(TunedSettings):
    """Learn, in iterations, to prefer the dataset's answers to those of the iteration before.

    In each one the opponent, which is the student as it was, answers every question once; then the
    student learns these pairs, held to the opponent, which stays as it is. Where opponent and
    data are alike, there is nothing more to learn.

    Args:
        beta: lambda of the paper, > 0: how strongly the student is held to its opponent.
        iterations: Opponents one after the other, >= 1; each is a training of its own, found
            again like any other.
        tuned_first: Fine-tune on the answers before the first opponent, as the paper's start is;
            false plays against the base.
        tuning_rate: Highest learning rate of that fine-tuning, > 0.
        temperature: Of the opponent's draws, >= 0; 1 is its own distribution, which the method
            is about, 0 its likeliest answers.

    Source:
        Chen et al. 2024, "Self-Play Fine-Tuning Converts Weak Language Models to Strong Language
        Models", ICML, arXiv 2401.01335, equation 4.7 with the logistic loss: it is that of direct
        preference with the real answer chosen and the own one rejected.
    """

    beta: PositiveFloat
    iterations: Positive
    tuned_first: bool
    tuning_rate: PositiveFloat
    temperature: NonNegativeFloat

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
        """All of them."""
        return frozenset({"qa", "math", "classify"})

    def shaping(self) -> dict[str, Any]:
        """Return the settings that shape the weights; how long the opponent answers does so too."""
        return super().shaping() | {"max_new_tokens": self.max_new_tokens}

    def fit(self, examples: Examples, *, seed: int) -> Trained:
        """Play all iterations.

        Raises:
            TrainingError: there are no examples, or they cannot be learnt from.
            UserError: the base, the device or a limit does not fit.
        """
        rows = conversations(examples.questions, examples.answers, self.system)
        parts = split(rows, self.validation_share, seed)
        folder = self._tuned(parts, seed) if self.tuned_first else None
        for _ in range(self.iterations):
            # A result's folder bears the digest of all that went into it.
            names = [] if folder is None else [{"folder": folder.parent.name}]
            folder = self.train(SPIN_TRAINER, parts | {OPPONENT: names}, seed=seed)
        is_adapter = self.lora["rank"] is not None
        about = About(method="spin", base=identify(self.base), adapter=is_adapter)
        return self.answering(about, folder=folder)

    def _tuned(self, parts: dict[str, list[Any]], seed: int) -> Path:
        """Fine-tune on the answers and return the folder of the result."""
        return replace(self, learning_rate=self.tuning_rate).train(TRAINER, parts, seed=seed)

"""A language model fine-tuned on the answers: sequence-level distillation in its plain form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from distill.component import component
from distill.students.examples import Examples
from distill.students.lm.base import identify
from distill.students.lm.encoding import asked
from distill.students.lm.settings import TunedSettings
from distill.students.lm.trained import About
from distill.students.trained import Trained

TRAINER = "distill.students.lm.tuning"


@component
class Sft(TunedSettings):
    """Learn to give the dataset's answers, token by token.

    Source:
        Kim and Rush 2016, "Sequence-Level Knowledge Distillation", arXiv 1606.07947: the student
        learns from what the teacher wrote, not from its distribution.
    """

    @property
    def tasks(self) -> frozenset[str]:
        """All of them."""
        return frozenset({"qa", "math", "classify"})

    def fit(self, examples: Examples, *, seed: int) -> Trained:
        """Tune the base on the examples.

        Raises:
            TrainingError: there are none, or they cannot be learnt from.
            UserError: the base, the device or a limit does not fit.
        """
        rows = conversations(examples.questions, examples.answers, self.system)
        folder = self.train(TRAINER, split(rows, self.validation_share, seed), seed=seed)
        about = About(method="sft", base=identify(self.base), adapter=self.lora["rank"] is not None)
        return self.answering(about, folder=folder)


def conversations(
    questions: Sequence[str], answers: Sequence[str], system: str | None
) -> list[dict[str, Any]]:
    """Return rows of a prompt and its completion, as TRL reads them too."""
    return [
        {
            "prompt": asked(question, system),
            "completion": [{"role": "assistant", "content": answer}],
        }
        for question, answer in zip(questions, answers, strict=True)
    ]


def split(rows: Sequence[Any], share: float, seed: int) -> dict[str, list[Any]]:
    """Keep a share of the prompts from training, to choose the best checkpoint by.

    All rows of one prompt go to one side, or the choice would be made on what was learnt.

    Args:
        rows: With `prompt`, a list of messages.
        share: In [0, 1); 0 keeps none, any other at least one where there are two.
        seed: Of the draw.
    """
    prompts = list(dict.fromkeys(row["prompt"][-1]["content"] for row in rows))
    count = 0 if share == 0 else min(max(round(share * len(prompts)), 1), len(prompts) - 1)
    drawn = np.random.default_rng(seed).permutation(len(prompts))[: max(count, 0)]
    kept = {prompts[i] for i in drawn}
    held = [row["prompt"][-1]["content"] in kept for row in rows]
    return {
        "train": [row for row, out in zip(rows, held, strict=True) if not out],
        "validation": [row for row, out in zip(rows, held, strict=True) if out],
    }

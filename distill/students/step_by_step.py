"""A language model that learns the teacher's reasoning beside its answers, or before them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from distill.component import Share, Text, component
from distill.rationales import parted
from distill.students.classifier import TrainingError
from distill.students.examples import Examples
from distill.students.lm.base import identify
from distill.students.lm.encoding import asked
from distill.students.lm.settings import TunedSettings
from distill.students.lm.trained import About, LanguageModel
from distill.students.sft import TRAINER, conversations, split
from distill.students.trained import Trained

TWO_TASKS_TRAINER = "distill.students.lm.two_tasks"
Prefix = Annotated[str, Field(description="a text, which may be empty")]


@component
class StepByStep(TunedSettings):
    """Learn rationales, as a second task or before the answer.

    Args:
        mode: `two_tasks` learns the answer and the rationale as two tasks with a prefix each, and
            answers without a rationale; `rationale_first` learns to write the rationale and then
            the answer, and answers so.
        answer_weight: alpha of `two_tasks`, in [0, 1]: the loss is alpha times that of the answers
            plus 1 - alpha times that of the rationales. 1 learns answers only.
        predict: Put before the question where the answer is asked for (`two_tasks`).
        explain: Put before the question where the rationale is asked for (`two_tasks`).
        marker: Stands between rationale and answer: where an answer of the dataset holds it, what
            is before its last occurrence counts as rationale; `rationale_first` writes it.

    Source:
        `two_tasks`: Hsieh et al. 2023, "Distilling Step-by-Step!", arXiv 2305.02301. The paper
        adds lambda times the rationales' loss to the answers'; the code that was released with it
        mixes them by alpha, as is done here. Its student is T5, with an encoder.
        `rationale_first`: Magister et al. 2022, "Teaching Small Language Models to Reason",
        arXiv 2212.08410: fine-tuning on the teacher's chains of thought without those that end in
        a wrong answer; leaving them out is what the judge `verifier` does.
    """

    mode: Literal["two_tasks", "rationale_first"]
    answer_weight: Share
    predict: Prefix
    explain: Prefix
    marker: Text

    def __post_init__(self) -> None:
        """Check what the fields alone cannot say.

        Raises:
            ValueError: two tasks cannot be told apart or packed.
        """
        super().__post_init__()
        if self.mode == "two_tasks" and self.packing:
            raise ValueError("packing: want false with mode=two_tasks")
        if self.mode == "two_tasks" and self.predict == self.explain:
            raise ValueError("explain: want another prefix than predict, or the tasks are one")

    @property
    def tasks(self) -> frozenset[str]:
        """Those whose teacher gives a rationale."""
        return frozenset({"qa", "math"})

    def fit(self, examples: Examples, *, seed: int) -> Trained:
        """Tune the base on answers and rationales.

        Raises:
            TrainingError: no example has a rationale, or they cannot be learnt from.
            UserError: the base, the device or a limit does not fit.
        """
        known = parted_examples(examples, self.marker)
        if all(one.rationale is None for one in known):
            raise TrainingError(
                f"student: none of the {len(examples)} examples has a rationale.",
                hint="task.answer_marker=TEXT keeps what the teacher writes before it apart; "
                "student=sft needs none",
            )
        trainer, rows = self._rows(known)
        folder = self.train(trainer, split(rows, self.validation_share, seed), seed=seed)
        return self._answering(folder)

    def _answering(self, folder: Path) -> LanguageModel:
        about = About(
            method="step_by_step",
            base=identify(self.base),
            adapter=self.lora["rank"] is not None,
        )
        model = self.answering(about, folder=folder)
        if self.mode == "two_tasks":
            return replace(model, opening=self.predict, _loaded=[])
        return replace(model, answer_after=self.marker, _loaded=[])

    def _rows(self, known: Sequence[Parted]) -> tuple[str, list[dict[str, Any]]]:
        """Return the trainer's module and its rows."""
        if self.mode == "rationale_first":
            # An answer without its reasoning would teach to leave the reasoning out.
            whole = [one for one in known if one.rationale is not None]
            texts = [f"{one.rationale}\n{self.marker} {one.answer}" for one in whole]
            return TRAINER, conversations([one.question for one in whole], texts, self.system)
        return TWO_TASKS_TRAINER, [
            {
                # Not the prefixed one: a question and its two tasks stay on one side of a split.
                "prompt": asked(one.question, self.system),
                "answer_prompt": asked(f"{self.predict}{one.question}", self.system),
                "answer": one.answer,
                "rationale_prompt": asked(f"{self.explain}{one.question}", self.system),
                "rationale": one.rationale,
            }
            for one in known
        ]


@dataclass(frozen=True, kw_only=True)
class Parted:
    """An example whose answer stands alone.

    Args:
        question: A text.
        answer: What is left of the answer without the reasoning.
        rationale: The reasoning, or `None`.
    """

    question: str
    answer: str
    rationale: str | None


def parted_examples(examples: Examples, marker: str) -> list[Parted]:
    """Part each answer from its rationale; see `rationales.parted`."""
    rationales = examples.rationales or (None,) * len(examples)
    made = []
    for question, whole, kept in zip(examples.questions, examples.answers, rationales, strict=True):
        rationale, answer = parted(whole, kept, marker)
        made.append(Parted(question=question, answer=answer, rationale=rationale))
    return made

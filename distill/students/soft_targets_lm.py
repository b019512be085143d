"""A language model on a teacher's distributions over the next token, from weights at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from distill.component import Positive, PositiveFloat, Share, Text, component
from distill.errors import UserError
from distill.students.examples import Examples
from distill.students.lm.base import Base, identify, require_training
from distill.students.lm.child import run_job
from distill.students.lm.job import Job
from distill.students.lm.settings import TunedSettings
from distill.students.lm.trained import About
from distill.students.lm.vocabulary import check_same, read_vocabulary
from distill.students.sft import conversations, split
from distill.students.trained import Trained

ASKING = "distill.students.lm.teacher_pass"
TUNING = "distill.students.lm.soft_tuning"
ON_POLICY = "distill.students.lm.on_policy"
TEACHER_HINT = "a folder with config.json, *.safetensors and a tokenizer needs no download"
# What the teacher's pass depends on beside the examples.
ASKED = ("max_tokens", "top_k", "temperature", "device", "threads")


@component
class SoftTargetsLm(TunedSettings):
    """Learn at each token of the answers what a teacher would have said there.

    The answers are the dataset's, whoever wrote them; `teacher` is a model whose weights are at
    hand and whose vocabulary is the student's. It is asked once, in a pass of its own, which is
    kept beside the trainings.

    Args:
        teacher: `embedded`, a folder, or a hub name (`owner/name`, `owner/name@revision`).
        top_k: Likeliest tokens that are kept of each distribution, beside the mass of all others,
            >= 1; `None` keeps the whole vocabulary.
        temperature: Softens both distributions in training, > 0.
        alpha: Weight of the divergence against the cross-entropy of the answer's own token, in
            [0, 1].
        divergence: `forward_kl` (teacher to student), `reverse_kl` or `jensen_shannon`.
        beta: Weight of the teacher in `jensen_shannon`, in (0, 1).
        on_policy_share: Share of the batches that the student answers itself, at `temperature`
            and up to `max_new_tokens`, for the teacher to look at, in [0, 1]. Above 0 both models
            are in memory together, distributions are whole and compared as they are, and `alpha`
            is 1. 0 asks the teacher once, about the dataset's answers.

    Source:
        Hinton, Vinyals and Dean 2015 (arXiv 1503.02531), section 2, at each token; the divergences
        and the student's own answers: Agarwal et al. 2023 (arXiv 2306.13649).
    """

    teacher: Text
    top_k: Positive | None
    temperature: PositiveFloat
    alpha: Share
    divergence: Literal["forward_kl", "reverse_kl", "jensen_shannon"]
    beta: Annotated[float, Field(gt=0, lt=1, description="a number above 0 and below 1")]
    on_policy_share: Share

    def __post_init__(self) -> None:
        """Check what the fields alone cannot say.

        Raises:
            ValueError: they do not go together.
        """
        TunedSettings.__post_init__(self)
        if self.teacher == self.base:
            raise ValueError("teacher: want another model than student.base, which has its weights")
        if self.packing:
            raise ValueError("packing: want false, as the teacher looks at examples one by one")

        if self.on_policy_share > 0 and (self.alpha, self.top_k) != (1, None):
            raise ValueError(
                "on_policy_share: want student.alpha=1 and student.top_k=null above 0: whole "
                "distributions are looked at, and nothing else"
            )

    @property
    def tasks(self) -> frozenset[str]:
        """All of them."""
        return frozenset({"qa", "math", "classify"})

    def ready(self) -> None:
        """See that it can be trained, before anything is spent.

        Raises:
            ExtraMissingError: the extra `train` is not installed.
            UserError: base or teacher is missing, or their vocabularies differ.
        """
        TunedSettings.ready(self)
        folders = [base.source for base in (self._teacher(), identify(self.base))]
        # A packaged model has its vocabulary in its weights; there the teacher's pass looks first.
        teacher, student = (read_vocabulary(folder) for folder in folders)
        if teacher is not None and student is not None:
            check_same(teacher, student)

    def shaping(self) -> dict[str, Any]:
        """Return the settings that shape the weights; the teacher comes in by what it said."""
        return {
            key: value for key, value in TunedSettings.shaping(self).items() if key != "teacher"
        }

    def fit(self, examples: Examples, *, seed: int) -> Trained:
        """Ask the teacher, and tune the base.

        Raises:
            TrainingError: there are no examples, or they cannot be learnt from.
            UserError: the vocabularies differ, or the base, the device or a limit does not fit.
        """
        require_training()
        rows = conversations(examples.questions, examples.answers, self.system)
        data = split(rows, self.validation_share, seed)
        base, work = identify(self.base), Path(self.work)
        if self.on_policy_share > 0:
            teacher = {"teacher": self.teacher, "teacher_sha256": self._teacher().sha256}
            given = teacher | {"max_new_tokens": self.max_new_tokens}
        else:
            asking = Job(
                trainer=ASKING,
                base=self._teacher(),
                settings={
                    **{key: getattr(self, key) for key in ASKED},
                    "student": self.base,
                    "student_sha256": base.sha256,
                },
                seed=seed,
                data=data,
            )
            run_job(asking, work=work, limits=self.limits)
            given = {"targets": asking.folder(work).name}
        tuning = Job(
            trainer=ON_POLICY if self.on_policy_share > 0 else TUNING,
            base=base,
            settings=self.shaping() | given,
            seed=seed,
            data=data,
        )
        folder = run_job(tuning, work=work, limits=self.limits)
        about = About(method="soft_targets_lm", base=base, adapter=self.lora["rank"] is not None)
        return self.answering(about, folder=folder)

    def _teacher(self) -> Base:
        try:
            return identify(self.teacher)
        except UserError as error:
            told = str(error.args[0]).replace("student.base:", "student.teacher:")
            raise UserError(told, hint=TEACHER_HINT) from error

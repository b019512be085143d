"""What every student that is a language model has in common."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field
from typing_extensions import TypedDict

from distill.component import (
    NonNegativeFloat,
    Positive,
    PositiveFloat,
    Share,
    Text,
    Texts,
    component,
)
from distill.students.lm.base import (
    EMBEDDED,
    bases_folder,
    identify,
    model_id,
    require_training,
)
from distill.students.lm.child import Limits, run_job
from distill.students.lm.job import Job, Row
from distill.students.lm.trained import About, LanguageModel

# Where, how fast and within which limits it is trained, and how it answers afterwards.
NOT_SHAPING = frozenset(
    {"base", "max_memory_gb", "max_seconds", "work", "max_new_tokens", "answers_at_once", "gguf"}
)
BelowOne = Annotated[float, Field(ge=0, lt=1, description="a share in [0, 1)")]


class Lora(TypedDict):
    """Small matrices beside the base's own, which stay as they are (arXiv:2106.09685)."""

    rank: Positive | None
    alpha: PositiveFloat
    dropout: BelowOne
    targets: Texts


@component
class TunedSettings:
    """How a language model is tuned, within which limits, and how it answers.

    Args:
        base: `embedded`, a folder, or a hub name (`owner/name`, `owner/name@revision`).
        system: System prompt of every conversation, or `None` for the chat template's own.
        lora: `rank` of the added matrices, or `None` to tune all weights; `alpha`, whose ratio to
            the rank scales them; `dropout` before them, in [0, 1); `targets`, the names of the
            layers that get them, empty for all linear ones.
        epochs: Times that every example is learnt from, > 0.
        max_steps: Most optimizer steps, whatever `epochs` says, or `None`.
        batch_size: Examples (packs where `packing` is on) of one optimizer step, >= 1.
        micro_batch_size: Of these, how many are computed at once, >= 1; divides `batch_size`.
        learning_rate: Highest of the schedule, > 0.
        schedule: Of the learning rate after the warm-up.
        warmup_share: Of the steps, in which the learning rate rises from 0, in [0, 1].
        weight_decay: Of AdamW, >= 0.
        max_grad_norm: Gradients are scaled down to it, > 0.
        max_tokens: Most tokens of an example; a longer one is left out, because a cut answer
            teaches never to stop.
        packing: Put several examples into one row of `max_tokens`; none sees another.
        precision: `float32`, or `bfloat16` for the products; weights are 32-bit in both.
        gradient_checkpointing: Compute activations twice to keep fewer of them in memory.
        validation_share: Of the training questions, kept from training to choose the best
            checkpoint by, in [0, 1); 0 takes the last.
        patience: Looks at the validation split without a gain after which training ends, or `None`
            to go through.
        checkpoint_steps: Optimizer steps between checkpoints, and between looks at the validation
            split, >= 1.
        device: Where it is computed; `auto` takes a GPU where there is one.
        threads: Of the CPU, >= 1, or `None` for the library's own choice.
        max_memory_gb: Most memory of the training's process, in 10^9 bytes, or `None`.
        max_seconds: Longest time of one training, or `None`; what was done is kept.
        work: Folder of trainings: each is found again by what goes into it.
        max_new_tokens: Longest answer of the student, in tokens, >= 1.
        answers_at_once: Questions that it answers at once, >= 1.
        gguf: Write the delivered student as `model.gguf` too, its adapter merged into the base.
    """

    base: Text
    system: Text | None
    lora: Lora
    epochs: PositiveFloat
    max_steps: Positive | None
    batch_size: Positive
    micro_batch_size: Positive
    learning_rate: PositiveFloat
    schedule: Literal["linear", "cosine", "constant"]
    warmup_share: Share
    weight_decay: NonNegativeFloat
    max_grad_norm: PositiveFloat
    max_tokens: Annotated[int, Field(ge=16, description="a whole number of 16 or more")]
    packing: bool
    precision: Literal["float32", "bfloat16"]
    gradient_checkpointing: bool
    validation_share: BelowOne
    patience: Positive | None
    checkpoint_steps: Positive
    device: Literal["auto", "cpu", "cuda", "mps"]
    threads: Positive | None
    max_memory_gb: PositiveFloat | None
    max_seconds: PositiveFloat | None
    work: Text
    max_new_tokens: Positive
    answers_at_once: Positive
    gguf: bool

    def __post_init__(self) -> None:
        """Check what the fields alone cannot say.

        Raises:
            ValueError: the batch cannot be split, or there is nothing to stop early by.
        """
        if self.batch_size % self.micro_batch_size:
            raise ValueError(
                f"batch_size: got {self.batch_size}, want a multiple of "
                f"micro_batch_size={self.micro_batch_size}"
            )
        if self.patience is not None and self.validation_share == 0:
            raise ValueError("patience: want null where validation_share is 0")

    @property
    def base_model(self) -> str:
        """The id of the model that is tuned, as lineage knows it."""
        return model_id(self.base)

    @property
    def limits(self) -> Limits:
        """What the training's process may take."""
        return Limits(max_memory_gb=self.max_memory_gb, max_seconds=self.max_seconds)

    def ready(self) -> None:
        """See that it can be trained, before anything is spent.

        Raises:
            ExtraMissingError: the extra `train` is not installed.
            UserError: there is no such base, or it cannot be written as `student.gguf` asks.
        """
        require_training()
        base = identify(self.base)
        if self.gguf and base.name != EMBEDDED:
            from distill.gguf import check_exportable

            check_exportable(base.source)

    def shaping(self) -> dict[str, Any]:
        """Return the settings that shape the weights, in JSON's types."""
        kept = {key: value for key, value in vars(self).items() if key not in NOT_SHAPING}
        return dict(json.loads(json.dumps(kept)))

    def untrained(self) -> LanguageModel:
        """Return the base, which answers as the student does: the control of its training."""
        base = identify(self.base)
        return self.answering(About(method=None, base=base, adapter=False), folder=None)

    def answering(self, about: About, *, folder: Path | None) -> LanguageModel:
        """Return a model that answers with these settings.

        Args:
            about: What it is.
            folder: Its own weights; `None` for the base.
        """
        return LanguageModel(
            about=about,
            folder=folder,
            system=self.system,
            max_new_tokens=self.max_new_tokens,
            answers_at_once=self.answers_at_once,
            device=self.device,
            threads=self.threads,
            kept=bases_folder(Path(self.work)),
            gguf=self.gguf,
        )

    def train(self, trainer: str, data: Mapping[str, Sequence[Row]], *, seed: int) -> Path:
        """Train in a process of its own and return the folder of the result.

        Args:
            trainer: Module with the function `train`.
            data: Rows by the file's name.
            seed: Of every draw.

        Raises:
            TrainingError: nothing can be learnt, or the process ended.
            UserError: the base, the device or a limit does not fit.
        """
        require_training()
        job = Job(
            trainer=trainer,
            base=identify(self.base),
            settings=self.shaping(),
            seed=seed,
            data=data,
        )
        return run_job(job, work=Path(self.work), limits=self.limits)

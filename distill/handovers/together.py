"""Together's fine-tuning service."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from distill.component import Positive, PositiveFloat, Seed, Text, component
from distill.handovers.dataset import Dataset
from distill.handovers.hosted import JOB_FILE, hosted_faults
from distill.handovers.local import TRAIN_FILE
from distill.handovers.pairs import messages_or_preference

MIN_EXAMPLES = 1
# The client's own limit, below the service's.
MAX_BYTES = 50 * 10**9


@component
class Together:
    """Write `train.jsonl` and `job.json`, the arguments of `fine_tuning.create`.

    Args:
        base: Exact id of a model that can be fine-tuned.
        epochs: Passes over the dataset.
        learning_rate: Peak learning rate.
        lora: Whether an adapter is trained; false trains all weights.
        suffix: Part of the tuned model's name, up to 64 characters, or `None`.
        seed: Of the service's draws.

    Source:
        Guides of data preparation and preference tuning; `fine_tuning.create` of together 3.1.
    """

    base: Text
    epochs: Positive
    learning_rate: PositiveFloat
    lora: bool
    suffix: Annotated[
        str | None,
        Field(min_length=1, max_length=64, description="a text of 1 to 64 characters, or null"),
    ]
    seed: Seed

    def files(self, dataset: Dataset) -> Mapping[str, str | Iterable[Mapping[str, Any]]]:
        """Return the data and the job."""
        job = {
            "model": self.base,
            "training_method": "dpo" if dataset.has_pairs else "sft",
            "n_epochs": self.epochs,
            "learning_rate": self.learning_rate,
            "lora": self.lora,
            "random_seed": self.seed,
            **({} if dataset.has_pairs else {"train_on_inputs": False}),
            **({} if self.suffix is None else {"suffix": self.suffix}),
        }
        return {
            TRAIN_FILE: messages_or_preference(dataset),
            JOB_FILE: json.dumps(job, ensure_ascii=False, indent=2) + "\n",
        }

    def faults(self, dataset: Dataset) -> Sequence[str]:
        """Return what the service's documented rules refuse."""
        return hosted_faults(
            dataset,
            messages_or_preference(dataset),
            min_examples=MIN_EXAMPLES,
            max_bytes=MAX_BYTES,
        )

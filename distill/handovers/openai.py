"""OpenAI's fine-tuning service."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from distill.component import Positive, Seed, Text, component
from distill.handovers.dataset import Dataset
from distill.handovers.hosted import JOB_FILE, hosted_faults
from distill.handovers.local import TRAIN_FILE
from distill.handovers.pairs import messages_or_preference

MIN_EXAMPLES = 10
# Of an upload to the Files API.
MAX_BYTES = 512 * 10**6


@component
class OpenAI:
    """Write `train.jsonl` and `job.json`, the body of the request that starts the job.

    Args:
        base: Exact id of a model that can be fine-tuned.
        epochs: Passes over the dataset; `None` leaves it to the service.
        suffix: Part of the tuned model's name, up to 64 characters, or `None`.
        seed: Of the service's draws.

    Source:
        Guides of supervised fine-tuning and direct preference optimisation, and the Files API.
    """

    base: Text
    epochs: Annotated[
        Positive | None, Field(description="a whole number of 1 or more, or null for the service's")
    ]
    suffix: Annotated[
        str | None,
        Field(min_length=1, max_length=64, description="a text of 1 to 64 characters, or null"),
    ]
    seed: Seed

    def files(self, dataset: Dataset) -> Mapping[str, str | Iterable[Mapping[str, Any]]]:
        """Return the data and the job."""
        method = "dpo" if dataset.has_pairs else "supervised"
        epochs = {} if self.epochs is None else {"hyperparameters": {"n_epochs": self.epochs}}
        job = {
            "model": self.base,
            "method": {"type": method, method: epochs},
            "seed": self.seed,
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

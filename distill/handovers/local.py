"""What all trainers on a machine of one's own are told alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import yaml
from pydantic import Field

from distill.component import Positive, PositiveFloat, Seed, Text, component
from distill.handovers.dataset import Dataset

# Twice the rank, the ratio that LoRA's own users settled on.
ALPHA = 2
TRAIN_FILE = "train.jsonl"


@component
class LocalTrainer:
    """A trainer on a machine of one's own.

    Args:
        base: The model that is trained: a hub name or a folder, as the trainer resolves it.
        epochs: Passes over the dataset.
        learning_rate: Peak learning rate of the trainer's default optimiser.
        batch_size: Examples a step and a device.
        max_tokens: Longest example; what is longer is cut by the trainer.
        lora_rank: Rank of the LoRA adapter; `None` trains all weights.
        seed: Of the trainer's draws.
    """

    base: Text
    epochs: PositiveFloat
    learning_rate: PositiveFloat
    batch_size: Positive
    max_tokens: Positive
    lora_rank: Annotated[
        Positive | None, Field(description="a whole number of 1 or more, or null for all weights")
    ]
    seed: Seed

    def faults(self, dataset: Dataset) -> Sequence[str]:
        """Return nothing: these trainers take any number of examples."""
        return []


def to_yaml(command: str, config: Mapping[str, Any]) -> str:
    """Return a config file whose first line is the command that runs it."""
    body = yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)
    return f"# {command}\n{body}"

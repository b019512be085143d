"""Hand-over to other trainers: what each of them reads. One class and one YAML each.

Each trainer gets a folder of its own that holds all it needs, the data in the shape that it reads
without a word of explanation included: the folder is copied to where the training runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from distill.handovers.axolotl import Axolotl
from distill.handovers.dataset import Dataset, Example, FormError
from distill.handovers.llama_factory import LlamaFactory
from distill.handovers.openai import OpenAI
from distill.handovers.together import Together
from distill.handovers.trl import TRL

__all__ = [
    "TRL",
    "Axolotl",
    "Dataset",
    "Example",
    "FormError",
    "Handover",
    "LlamaFactory",
    "OpenAI",
    "Together",
]


@runtime_checkable
class Handover(Protocol):
    """A trainer elsewhere, and what it reads."""

    def files(self, dataset: Dataset) -> Mapping[str, str | Iterable[Mapping[str, Any]]]:
        """Return the files of the trainer's folder by name: a text, or one JSON object a line.

        Args:
            dataset: At least one example.
        """

    def faults(self, dataset: Dataset) -> Sequence[str]:
        """Return what the trainer would refuse in this dataset, a sentence each."""

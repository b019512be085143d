"""LLaMA-Factory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import Field

from distill.component import Text, component
from distill.handovers.dataset import Dataset
from distill.handovers.local import ALPHA, TRAIN_FILE, LocalTrainer, to_yaml
from distill.handovers.pairs import messages_and_pair

# The names of a turn's parts, where LLaMA-Factory expects others.
TAGS = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "system_tag": "system",
}


@component
class LlamaFactory(LocalTrainer):
    """Write `train.jsonl`, `dataset_info.json` that describes it, and `train.yaml`.

    Args:
        template: LLaMA-Factory's name of the chat template; `None` takes the tokenizer's own.

    Source:
        `data/README.md` and the argument classes of LLaMA-Factory 0.9.5.
    """

    template: Annotated[Text | None, Field(description="a template of LLaMA-Factory's, or null")]

    def files(self, dataset: Dataset) -> Mapping[str, str | Iterable[Mapping[str, Any]]]:
        """Return the data, its description and one config."""
        pairs = dataset.has_pairs
        columns = {"messages": "messages"}
        if pairs:
            columns |= {"chosen": "chosen", "rejected": "rejected"}
        about = {
            dataset.name: {
                "file_name": TRAIN_FILE,
                "formatting": "sharegpt",
                "ranking": pairs,
                "columns": columns,
                "tags": TAGS,
            }
        }
        return {
            TRAIN_FILE: messages_and_pair(dataset),
            "dataset_info.json": json.dumps(about, indent=2) + "\n",
            "train.yaml": to_yaml("llamafactory-cli train train.yaml", self._config(dataset)),
        }

    def _config(self, dataset: Dataset) -> dict[str, Any]:
        kind: dict[str, Any] = {"finetuning_type": "full"}
        if self.lora_rank is not None:
            kind = {
                "finetuning_type": "lora",
                "lora_rank": self.lora_rank,
                "lora_alpha": ALPHA * self.lora_rank,
                "lora_target": "all",
            }
        return {
            "model_name_or_path": self.base,
            "stage": "dpo" if dataset.has_pairs else "sft",
            "do_train": True,
            **kind,
            "dataset_dir": ".",
            "dataset": dataset.name,
            **({} if self.template is None else {"template": self.template}),
            "cutoff_len": self.max_tokens,
            "output_dir": "trained",
            "num_train_epochs": self.epochs,
            "learning_rate": self.learning_rate,
            "per_device_train_batch_size": self.batch_size,
            "seed": self.seed,
            "report_to": "none",
        }

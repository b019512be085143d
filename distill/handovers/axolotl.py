"""Axolotl."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from distill.component import component
from distill.handovers.dataset import Dataset
from distill.handovers.local import ALPHA, TRAIN_FILE, LocalTrainer, to_yaml
from distill.handovers.pairs import messages_and_pair


@component
class Axolotl(LocalTrainer):
    """Write `train.jsonl` and `train.yaml`; the loss is taken on the assistant's turns.

    Source:
        The config schema of Axolotl 0.19.
    """

    def files(self, dataset: Dataset) -> Mapping[str, str | Iterable[Mapping[str, Any]]]:
        """Return the data and one config."""
        command = "axolotl train train.yaml"
        return {
            TRAIN_FILE: messages_and_pair(dataset),
            "train.yaml": to_yaml(command, self._config(pairs=dataset.has_pairs)),
        }

    def _config(self, *, pairs: bool) -> dict[str, Any]:
        source = {"path": TRAIN_FILE, "ds_type": "json", "split": "train"}
        kind: dict[str, Any] = {}
        if pairs:
            kind = {"rl": "dpo", "datasets": [{**source, "type": "chat_template.default"}]}
        else:
            said = {"type": "chat_template", "roles_to_train": ["assistant"]}
            kind = {"datasets": [{**source, **said}]}
        lora: dict[str, Any] = {}
        if self.lora_rank is not None:
            lora = {
                "adapter": "lora",
                "lora_r": self.lora_rank,
                "lora_alpha": ALPHA * self.lora_rank,
                "lora_target_linear": True,
            }
        return {
            "base_model": self.base,
            "chat_template": "tokenizer_default",
            **kind,
            **lora,
            "sequence_len": self.max_tokens,
            "micro_batch_size": self.batch_size,
            "gradient_accumulation_steps": 1,
            "num_epochs": self.epochs,
            "learning_rate": self.learning_rate,
            "optimizer": "adamw_torch",
            "lr_scheduler": "cosine",
            "bf16": "auto",
            "val_set_size": 0.0,
            "dataset_prepared_path": "prepared",
            "output_dir": "trained",
            "seed": self.seed,
        }

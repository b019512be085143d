"""TRL's command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from distill.component import component
from distill.handovers.dataset import Dataset, assistant
from distill.handovers.local import ALPHA, TRAIN_FILE, LocalTrainer, to_yaml


@component
class TRL(LocalTrainer):
    """Write `train.jsonl` and the config of `trl sft`, or of `trl dpo` where there are pairs.

    Prompt and answer stand apart, which makes TRL take its loss on the answer alone whatever the
    chat template; of whole conversations it would do so only where it knows the template.

    Source:
        Dataset formats and command line of TRL 1.16.
    """

    def files(self, dataset: Dataset) -> Mapping[str, str | Iterable[Mapping[str, Any]]]:
        """Return the data and one config."""
        method = "dpo" if dataset.has_pairs else "sft"
        lora: dict[str, Any] = {}
        if self.lora_rank is not None:
            lora = {
                "use_peft": True,
                "lora_r": self.lora_rank,
                "lora_alpha": ALPHA * self.lora_rank,
            }
        config = {
            "model_name_or_path": self.base,
            "datasets": [{"path": "json", "data_files": TRAIN_FILE}],
            "output_dir": "trained",
            "num_train_epochs": self.epochs,
            "learning_rate": self.learning_rate,
            "per_device_train_batch_size": self.batch_size,
            "max_length": self.max_tokens,
            **lora,
            "seed": self.seed,
            "report_to": "none",
        }
        command = f"trl {method} --config {method}.yaml"
        return {TRAIN_FILE: _lines(dataset), f"{method}.yaml": to_yaml(command, config)}


def _lines(dataset: Dataset) -> Iterable[Mapping[str, Any]]:
    for example in dataset.examples():
        said = [assistant(example.answer)]
        if example.rejected is None:
            yield {"prompt": list(example.prompt), "completion": said}
        else:
            rejected = [assistant(example.rejected)]
            yield {"prompt": list(example.prompt), "chosen": said, "rejected": rejected}

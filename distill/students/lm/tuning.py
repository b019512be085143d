"""Fine-tuning on answers, in the child process: TRL's SFTTrainer, set to be repeatable.

The same inputs give the same weights, bit for bit on the same machine, whether or not the training
was cut on its way: a checkpoint holds the optimizer, the random states and the place in the data.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence, Sized
from typing import Any

from distill.errors import UserError
from distill.paths import write_text
from distill.students.classifier import TrainingError
from distill.students.lm.base import choose_device, load_tokenizer, load_weights
from distill.students.lm.encoding import encode, left_out_for
from distill.students.lm.resuming import run_trainer as run_trainer  # known by this address
from distill.students.lm.worker import Work

TRAIN, VALIDATION = "train", "validation"
PLACES = 6
CARD_FILE = "README.md"


def train(work: Work) -> None:
    """Tune the base on `train.jsonl`, and choose the checkpoint by `validation.jsonl`.

    Rows are `{"prompt": [messages], "completion": [one message]}`.

    Raises:
        TrainingError: no example can be learnt from.
        UserError: the device is not there, or the base cannot be read.
        Stopped: it was told to stop.
    """
    prepare_torch(work.job.settings, work.job.seed)
    tokenizer = load_tokenizer(work.base)
    check_context(work)
    sets = {name: encoded_rows(work, tokenizer, name) for name in (TRAIN, VALIDATION)}
    if not sets[TRAIN]:
        raise TrainingError(
            f"student: none of the {len(work.job.rows(TRAIN))} examples can be learnt from: "
            f"{dict(work.figures['left_out'])}.",
            hint="a higher student.max_tokens, or look at the answers",
        )
    trainer = make_trainer(work, tokenizer, sets)
    run_trainer(trainer, work)
    save(trainer.model, tokenizer, work)
    work.figures |= figures_of(trainer, sets)


def figures_of(trainer: Any, sets: Mapping[str, Sized], what: str = "examples") -> dict[str, Any]:
    """Return what a training was: its examples, steps, device, best step and log.

    Args:
        trainer: That has trained.
        sets: What was learnt, by the file's name.
        what: What the figures call it.
    """
    return {
        what: len(sets[TRAIN]),
        f"validation_{what}": len(sets[VALIDATION]),
        "steps": trainer.state.global_step,
        "device": str(trainer.args.device),
        "best_step": trainer.state.best_global_step,
        "log": [_rounded(line) for line in trainer.state.log_history if "step" in line],
    }


def prepare_torch(settings: Mapping[str, Any], seed: int) -> None:
    """Make torch repeatable, and see that the device is there.

    Raises:
        UserError: it is not.
    """
    import numpy as np
    import torch
    import transformers

    device = settings["device"]
    there = {
        "auto": True,
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there[device]:
        raise UserError(f"student.device: got {device!r}, want one that this machine has.")
    if settings["threads"] is not None:
        torch.set_num_threads(settings["threads"])
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    random.seed(seed)
    np.random.seed(seed)
    transformers.set_seed(seed)


def check_context(work: Work) -> None:
    """See that the base can read examples as long as they may be.

    Raises:
        UserError: it cannot.
    """
    from transformers import AutoConfig

    most = getattr(AutoConfig.from_pretrained(str(work.base)), "max_position_embeddings", None)
    wanted = work.job.settings["max_tokens"]
    if most is not None and wanted > most:
        raise UserError(
            f"student.max_tokens: got {wanted}, want at most {most}, what the base reads at once."
        )


def encoded_rows(work: Work, tokenizer: Any, name: str) -> list[dict[str, list[int]]]:
    """Return a file's rows as tokens; those that cannot be learnt from are counted."""
    left_out: Counter[str] = work.figures.setdefault("left_out", Counter())
    kept = []
    for row in work.job.rows(name):
        prompt, answer = row["prompt"], row["completion"][0]["content"]
        encoded = encode(tokenizer, prompt, answer)
        limit = work.job.settings["max_tokens"]
        reason = left_out_for(tokenizer, prompt, answer, encoded, limit)
        if reason is None:
            kept.append({"input_ids": encoded.input_ids, "labels": encoded.labels})
        else:
            left_out[reason] += 1
    if name == TRAIN and left_out:
        told = ", ".join(f"{count} {reason}" for reason, count in sorted(left_out.items()))
        work.say(f"student: {told} of {len(kept) + left_out.total()} examples left out of training")
    return kept


def make_trainer(
    work: Work, tokenizer: Any, sets: Mapping[str, Sequence[Mapping[str, list[int]]]]
) -> Any:
    """Return TRL's trainer, ready to train.

    Args:
        work: Whose settings they are.
        tokenizer: Of the base.
        sets: Rows as tokens, by the file's name.
    """
    from datasets import Dataset
    from transformers import EarlyStoppingCallback
    from trl import SFTConfig, SFTTrainer

    settings = work.job.settings
    has_validation = bool(sets[VALIDATION])
    callbacks: list[Any] = []
    if settings["patience"] is not None and has_validation:
        callbacks.append(EarlyStoppingCallback(settings["patience"]))
    model = load_weights(work.base)
    check_targets(model, settings["lora"])
    return SFTTrainer(
        model=model,
        args=SFTConfig(
            **arguments(work, has_validation=has_validation),
            max_length=settings["max_tokens"] if settings["packing"] else None,
            packing=settings["packing"],
            eval_packing=False,
        ),
        train_dataset=Dataset.from_list([dict(row) for row in sets[TRAIN]]),
        eval_dataset=Dataset.from_list([dict(row) for row in sets[VALIDATION]])
        if has_validation
        else None,
        processing_class=tokenizer,
        peft_config=lora_config(settings["lora"]),
        callbacks=callbacks,
    )


def arguments(work: Work, *, has_validation: bool) -> dict[str, Any]:
    """Return what every one of the library's trainers is told.

    Args:
        work: Whose settings they are.
        has_validation: Whether the best checkpoint is chosen, rather than the last.
    """
    settings, seed = work.job.settings, work.job.seed
    steps = settings["checkpoint_steps"]
    choosing = {
        "eval_strategy": "steps",
        "eval_steps": steps,
        "per_device_eval_batch_size": settings["micro_batch_size"],
        "load_best_model_at_end": True,
        "metric_for_best_model": "eval_loss",
        "greater_is_better": False,
    }
    return {
        "output_dir": str(work.checkpoints),
        "seed": seed,
        "data_seed": seed,
        "num_train_epochs": settings["epochs"],
        "max_steps": settings["max_steps"] or -1,
        "per_device_train_batch_size": settings["micro_batch_size"],
        "gradient_accumulation_steps": settings["batch_size"] // settings["micro_batch_size"],
        "learning_rate": settings["learning_rate"],
        "lr_scheduler_type": settings["schedule"],
        "warmup_steps": settings["warmup_share"],
        "weight_decay": settings["weight_decay"],
        "max_grad_norm": settings["max_grad_norm"],
        "gradient_checkpointing": settings["gradient_checkpointing"],
        "bf16": settings["precision"] == "bfloat16",
        # The library wants to be told that there is no GPU, or it refuses bfloat16.
        "use_cpu": choose_device(settings["device"]) == "cpu",
        "save_strategy": "steps",
        "save_steps": steps,
        # The newest may be cut; then the one before counts.
        "save_total_limit": 2,
        "restore_callback_states_from_checkpoint": True,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "disable_tqdm": True,
        "report_to": "none",
        "dataloader_pin_memory": False,
        **(choosing if has_validation else {}),
    }


def lora_config(lora: Mapping[str, Any]) -> Any:
    """Return PEFT's settings, or `None` where all weights are tuned."""
    if lora["rank"] is None:
        return None
    from peft import LoraConfig

    return LoraConfig(
        r=lora["rank"],
        lora_alpha=lora["alpha"],
        lora_dropout=lora["dropout"],
        target_modules=list(lora["targets"]) or "all-linear",
        task_type="CAUSAL_LM",
    )


def check_targets(model: Any, lora: Mapping[str, Any]) -> None:
    """See that the base has the layers that adapters are wanted beside.

    Raises:
        UserError: it has no layer of that name.
    """
    known = {name.rpartition(".")[2] for name, _ in model.named_modules()}
    unknown = [name for name in lora["targets"] if name not in known]
    if lora["rank"] is not None and unknown:
        linear = sorted(name for name in known if name.endswith(("_proj", "head", "dense")))
        raise UserError(
            f"student.lora.targets: got {unknown}, want names of the base's layers"
            f"{', such as ' + ', '.join(linear) if linear else ''}.",
            hint="student.lora.targets=[] takes all linear ones",
        )


def save(model: Any, tokenizer: Any, work: Work) -> None:
    """Write adapter or weights, and the tokenizer, without anything of this machine."""
    model.save_pretrained(str(work.draft))
    tokenizer.save_pretrained(str(work.draft))
    (work.draft / CARD_FILE).unlink(missing_ok=True)
    for file in work.draft.glob("*config.json"):
        told = json.loads(file.read_text(encoding="utf-8"))
        told.pop("_name_or_path", None)
        if "base_model_name_or_path" in told:
            told["base_model_name_or_path"] = work.job.base.name
        if isinstance(told.get("target_modules"), list):
            told["target_modules"].sort()
        write_text(file, json.dumps(told, indent=2, sort_keys=True) + "\n")


def _rounded(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return a line of the library's log without what depends on the machine's speed."""
    timing = ("runtime", "per_second")
    return {
        key: round(value, PLACES) if isinstance(value, float) else value
        for key, value in line.items()
        if not key.endswith(timing)
    }

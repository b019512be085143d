"""Tuning on what the student itself would write, with the teacher at its side: TRL's GKDTrainer.

A student that is only shown answers of others is never told what to do after a mistake of its own
(Agarwal et al. 2023, arXiv 2306.13649). Here a share of the batches is answered by the student as
it is, and the teacher's whole distribution is looked at, token by token, on those answers; so both
models are in memory together, and nothing of the teacher can be kept.

Three things differ from TRL's defaults. Prompts and answers are put into tokens as everywhere here.
The loss of a batch that the student wrote is divided by its own tokens: TRL 1.16 divides it by
those of the answers that it replaced. And `jensen_shannon` never means a KL divergence.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from distill.students.classifier import TrainingError
from distill.students.lm.base import bases_folder, identify, load_tokenizer, load_weights, resolve
from distill.students.lm.encoding import IGNORED
from distill.students.lm.tuning import (
    TRAIN,
    VALIDATION,
    arguments,
    encoded_rows,
    figures_of,
    lora_config,
    prepare_torch,
    run_trainer,
    save,
)
from distill.students.lm.vocabulary import check_same

if TYPE_CHECKING:
    from distill.students.lm.worker import Work

# What TRL calls the divergences, at the ends of its `beta`.
BETA = {"forward_kl": 0.0, "reverse_kl": 1.0}


def train(work: Work) -> None:
    """Tune the base on `train.jsonl` and on its own answers to these questions.

    Raises:
        TrainingError: no example can be learnt from.
        UserError: the device is not there, or the vocabularies differ.
        Stopped: it was told to stop.
    """
    settings = work.job.settings
    prepare_torch(settings, work.job.seed)
    tokenizer = load_tokenizer(work.base)
    teacher = resolve(identify(settings["teacher"]), bases_folder(work.job.folder.parent))
    check_same(load_tokenizer(teacher).get_vocab(), tokenizer.get_vocab())
    sets = {name: encoded_rows(work, tokenizer, name) for name in (TRAIN, VALIDATION)}
    if not sets[TRAIN]:
        raise TrainingError("student: no example can be learnt from.")
    trainer = _trainer(work, tokenizer, load_weights(teacher), sets)
    run_trainer(trainer, work)
    save(trainer.model, tokenizer, work)
    work.figures |= figures_of(trainer, sets)


def _trainer(
    work: Work, tokenizer: Any, teacher: Any, sets: Mapping[str, Sequence[Mapping[str, Any]]]
) -> Any:
    # TRL says of its experimental part that it may change; the version is pinned.
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    from datasets import Dataset
    from transformers import EarlyStoppingCallback
    from trl.experimental.gkd import GKDConfig, GKDTrainer

    settings = work.job.settings
    has_validation = bool(sets[VALIDATION])
    stop = settings["patience"] if has_validation else None
    trainer = GKDTrainer(
        model=load_weights(work.base),
        teacher_model=teacher,
        args=GKDConfig(
            **arguments(work, has_validation=has_validation),
            max_length=settings["max_tokens"],
            max_new_tokens=settings["max_new_tokens"],
            lmbda=settings["on_policy_share"],
            beta=BETA.get(settings["divergence"], settings["beta"]),
            # Of the student's draws; TRL compares the distributions as they are.
            temperature=settings["temperature"],
            prediction_loss_only=True,
        ),
        data_collator=collator(tokenizer.pad_token_id),
        train_dataset=Dataset.from_list([dict(row) for row in sets[TRAIN]]),
        eval_dataset=Dataset.from_list([dict(row) for row in sets[VALIDATION]])
        if has_validation
        else None,
        processing_class=tokenizer,
        peft_config=lora_config(settings["lora"]),
        callbacks=[] if stop is None else [EarlyStoppingCallback(stop)],
    )
    # Then the loss is the mean over the tokens that it is of, whoever wrote them.
    trainer.model_accepts_loss_kwargs = False
    return trainer


def collator(padding: int) -> Any:
    """Return what makes a batch of rows, `input_ids` and `labels`, as `GKDTrainer` wants it.

    Prompts stand apart as well, padded on the left, for the student to go on from.
    """
    import torch

    def collate(rows: Sequence[Mapping[str, list[int]]]) -> dict[str, Any]:
        width = max(len(row["input_ids"]) for row in rows)
        prompts = [
            [
                token
                for token, label in zip(row["input_ids"], row["labels"], strict=True)
                if label == IGNORED
            ]
            for row in rows
        ]
        longest = max(map(len, prompts))

        def right(name: str, filler: int) -> Any:
            return torch.tensor([row[name] + [filler] * (width - len(row[name])) for row in rows])

        seen = [[1] * len(row["input_ids"]) + [0] * (width - len(row["input_ids"])) for row in rows]
        return {
            "input_ids": right("input_ids", padding),
            "labels": right("labels", IGNORED),
            "attention_mask": torch.tensor(seen),
            "prompts": torch.tensor([[padding] * (longest - len(p)) + p for p in prompts]),
            "prompt_attention_mask": torch.tensor(
                [[0] * (longest - len(p)) + [1] * len(p) for p in prompts]
            ),
        }

    return collate

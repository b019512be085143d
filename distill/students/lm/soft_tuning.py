"""Tuning on a teacher's distributions at each token of the answers, in the child process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from distill.students import losses
from distill.students.classifier import TrainingError
from distill.students.lm.base import load_tokenizer, load_weights
from distill.students.lm.encoding import IGNORED
from distill.students.lm.job import RESULT_FOLDER
from distill.students.lm.soft_loss import bucketed, teacher_logs, token_losses
from distill.students.lm.teacher_pass import Targets, learnt, read_targets
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

if TYPE_CHECKING:
    from distill.students.lm.worker import Work


def train(work: Work) -> None:
    """Tune the base on `train.jsonl` and what the teacher said to it.

    Raises:
        TrainingError: no example can be learnt from, or the teacher saw others.
        UserError: the device is not there, or a file is damaged.
        Stopped: it was told to stop.
    """
    settings = work.job.settings
    prepare_torch(settings, work.job.seed)
    tokenizer = load_tokenizer(work.base)
    sets = {name: encoded_rows(work, tokenizer, name) for name in (TRAIN, VALIDATION)}
    targets = read_targets(work.job.folder.parent / settings["targets"] / RESULT_FOLDER)
    numbered = _numbered(sets, targets)
    model = load_weights(work.base)
    lack = lacking(model, numbered[TRAIN] + numbered[VALIDATION], targets, settings)
    work.figures["top_k"] = lack
    work.say(
        f"student: of the teacher's {targets.width} tokens {targets.ids.shape[1]} are kept, with "
        f"{1 - lack['tail_mass_mean']:.4f} of its probability; the loss is "
        f"{lack['loss_kept']:.4f} for {lack['loss_whole']:.4f} nats on all of them"
    )
    trainer = _trainer(model, work, numbered, targets, tokenizer.pad_token_id)
    run_trainer(trainer, work)
    save(trainer.model, tokenizer, work)
    work.figures |= figures_of(trainer, sets)


def _numbered(
    sets: Mapping[str, Sequence[Mapping[str, list[int]]]], targets: Targets
) -> dict[str, list[dict[str, Any]]]:
    """Give each row the number of its answer among the targets, and see that they fit."""
    rows: list[dict[str, Any]] = [dict(row) for name in (TRAIN, VALIDATION) for row in sets[name]]
    said = [label for row in rows for label in row["labels"] if label != IGNORED]
    if not sets[TRAIN] or not np.array_equal(said, targets.said):
        raise TrainingError(
            "student: no example can be learnt from, or the teacher looked at others.",
            hint="remove the folder of student.work and run again",
        )
    for at, row in enumerate(rows):
        row["answer"] = at
    return {TRAIN: rows[: len(sets[TRAIN])], VALIDATION: rows[len(sets[TRAIN]) :]}


def lacking(
    model: Any,
    rows: Sequence[Mapping[str, Any]],
    targets: Targets,
    settings: Mapping[str, Any],
) -> dict[str, float]:
    """Measure what the tokens that were not kept are worth, on the positions kept whole.

    Returns:
        `tail_mass_mean`, the probability that was not kept; `loss_whole` and `loss_kept`, the
        mean divergence of the untrained student from the whole and from the kept distributions,
        in nats, the second at most the first but for the rounding.
    """
    import torch

    heat, kind, beta = settings["temperature"], settings["divergence"], settings["beta"]
    whole, kept = [], []
    for row in rows:
        span = targets.of(row["answer"])
        inside = [
            i for i, at in enumerate(targets.probe_at.tolist()) if span.start <= at < span.stop
        ]
        if not inside:
            continue
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([row["input_ids"]])).logits[0]
        places = np.array(learnt(dict(row)))[targets.probe_at[inside] - span.start] - 1
        student = torch.log_softmax(logits[places, : targets.width].float() / heat, dim=-1)
        full = torch.from_numpy(np.array(targets.probe[inside]))
        ids, teacher = teacher_logs(targets, targets.probe_at[inside])
        part = bucketed(student, ids, whole=ids.shape[-1] == targets.width)
        whole.append(losses.divergence(full, student, kind=kind, beta=beta))
        kept.append(losses.divergence(teacher, part, kind=kind, beta=beta))
    return {
        "tail_mass_mean": float(np.exp(targets.tail).mean()),
        "loss_whole": float(torch.cat(whole).mean()),
        "loss_kept": float(torch.cat(kept).mean()),
    }


def _collator(targets: Targets, padding: int) -> Any:
    import torch

    def collate(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        width = max(len(row["input_ids"]) for row in rows)

        def padded(name: str, filler: int) -> Any:
            return torch.tensor([row[name] + [filler] * (width - len(row[name])) for row in rows])

        seen = [[1] * len(row["input_ids"]) for row in rows]
        spans = [targets.of(row["answer"]) for row in rows]
        positions = np.concatenate([np.arange(span.start, span.stop) for span in spans])
        ids, logs = teacher_logs(targets, positions)
        return {
            "input_ids": padded("input_ids", padding),
            "labels": padded("labels", IGNORED),
            "attention_mask": torch.tensor([row + [0] * (width - len(row)) for row in seen]),
            "teacher_ids": ids,
            "teacher_logs": logs,
        }

    return collate


def _trainer(
    model: Any,
    work: Work,
    sets: Mapping[str, list[dict[str, Any]]],
    targets: Targets,
    padding: int,
) -> Any:
    from transformers import EarlyStoppingCallback, Trainer, TrainingArguments

    settings = work.job.settings
    how = {key: settings[key] for key in ("alpha", "temperature", "divergence", "beta")}

    class Softened(Trainer):  # type: ignore[misc]
        """Trains on the divergence at each token of the answers."""

        def compute_loss(
            self,
            model: Any,
            inputs: dict[str, Any],
            return_outputs: bool = False,
            num_items_in_batch: Any = None,
        ) -> Any:
            shown = {key: inputs[key] for key in ("input_ids", "attention_mask")}
            outputs = model(**shown)
            # A token is told by the logits before it.
            said = inputs["labels"][:, 1:]
            logits = outputs.logits[:, :-1][said != IGNORED][:, : targets.width].float()
            each = token_losses(
                logits,
                said[said != IGNORED],
                inputs["teacher_ids"],
                inputs["teacher_logs"],
                **how,
            )
            # Over a batch that is computed in parts, each token counts the same.
            count = len(each) if num_items_in_batch is None else num_items_in_batch
            loss = each.sum() / count
            return (loss, outputs) if return_outputs else loss

    lora = lora_config(settings["lora"])
    if lora is not None:
        from peft import get_peft_model

        model = get_peft_model(model, lora)
        if settings["gradient_checkpointing"]:
            model.enable_input_require_grads()
    has_validation = bool(sets[VALIDATION])
    stop = settings["patience"] if has_validation else None
    return Softened(
        model=model,
        args=TrainingArguments(
            **arguments(work, has_validation=has_validation),
            remove_unused_columns=False,
            prediction_loss_only=True,
        ),
        data_collator=_collator(targets, padding),
        train_dataset=sets[TRAIN],
        eval_dataset=sets[VALIDATION] if has_validation else None,
        callbacks=[] if stop is None else [EarlyStoppingCallback(stop)],
    )

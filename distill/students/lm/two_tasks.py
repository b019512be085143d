"""Answers and rationales learnt as two tasks of one model, in the child process.

Each example is a conversation or two: the question behind one prefix with the answer, and behind
another with the rationale. They are computed in one batch, and their losses are mixed by a weight
that does not depend on how long rationales are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from distill.students.classifier import TrainingError
from distill.students.lm.base import load_tokenizer, load_weights
from distill.students.lm.encoding import IGNORED, Encoded, encode, left_out_for
from distill.students.lm.tuning import (
    TRAIN,
    VALIDATION,
    arguments,
    check_context,
    check_targets,
    figures_of,
    lora_config,
    prepare_torch,
    run_trainer,
    save,
)
from distill.students.lm.worker import Work

if TYPE_CHECKING:
    import torch

ANSWER, RATIONALE = "answer", "rationale"
Pair = Mapping[str, Encoded | None]


def train(work: Work) -> None:
    """Tune the base on both tasks.

    Rows are `{"answer_prompt", "answer", "rationale_prompt", "rationale"}`, prompts are lists of
    messages, a rationale may be null.

    Raises:
        TrainingError: no example can be learnt from.
        UserError: the device is not there, or the base cannot be read.
        Stopped: it was told to stop.
    """
    prepare_torch(work.job.settings, work.job.seed)
    tokenizer = load_tokenizer(work.base)
    check_context(work)
    sets = {name: encoded_pairs(work, tokenizer, name) for name in (TRAIN, VALIDATION)}
    if not sets[TRAIN]:
        raise TrainingError(
            f"student: none of the {len(work.job.rows(TRAIN))} examples can be learnt from: "
            f"{dict(work.figures['left_out'])}.",
            hint="a higher student.max_tokens, or look at the answers",
        )
    trainer = make_trainer(work, tokenizer, sets)
    run_trainer(trainer, work)
    save(trainer.model, tokenizer, work)
    work.figures |= figures_of(trainer, sets) | {
        "rationales": sum(pair[RATIONALE] is not None for pair in sets[TRAIN]),
    }


def two_task_loss(
    token_losses: torch.Tensor,
    is_learnt: torch.Tensor,
    is_rationale: torch.Tensor,
    counts: torch.Tensor,
    answer_weight: float,
) -> torch.Tensor:
    """Return `alpha·mean(answers' tokens) + (1 - alpha)·mean(rationales' tokens)`.

    Args:
        token_losses: (rows, tokens) cross-entropy.
        is_learnt: (rows, tokens) true where a token counts.
        is_rationale: (rows,) which task a row is of.
        counts: (2,) tokens that count, of answers and of rationales, in the whole optimizer step,
            of which this batch may be a part; the parts then add up to the step's loss.
        answer_weight: alpha, in [0, 1].
    """
    kept = token_losses * is_learnt
    answers, rationales = kept[~is_rationale].sum(), kept[is_rationale].sum()
    of_answers, of_rationales = counts.clamp(min=1)
    return answer_weight * answers / of_answers + (1 - answer_weight) * rationales / of_rationales


def encoded_pairs(work: Work, tokenizer: Any, name: str) -> list[Pair]:
    """Return a file's rows as tokens.

    An example whose answer cannot be learnt from is left out, a rationale that cannot is left
    alone; both are counted.
    """
    left_out: Counter[str] = work.figures.setdefault("left_out", Counter())
    kept: list[Pair] = []
    limit = work.job.settings["max_tokens"]
    for row in work.job.rows(name):
        pair: dict[str, Encoded | None] = {}
        for task in (ANSWER, RATIONALE):
            prompt, text = row[f"{task}_prompt"], row[task]
            encoded = None if text is None else encode(tokenizer, prompt, text)
            if encoded is not None:
                reason = left_out_for(tokenizer, prompt, text, encoded, limit)
                if reason is not None:
                    left_out[f"{task}_{reason}"] += 1
                    encoded = None
            pair[task] = encoded
        if pair[ANSWER] is not None:
            kept.append(pair)
    if name == TRAIN and left_out:
        told = ", ".join(f"{count} {reason}" for reason, count in sorted(left_out.items()))
        work.say(f"student: left out of training: {told}")
    return kept


def make_trainer(work: Work, tokenizer: Any, sets: Mapping[str, Sequence[Pair]]) -> Any:
    """Return a trainer of both tasks, ready to train.

    Args:
        work: Whose settings they are.
        tokenizer: Of the base.
        sets: Examples by the file's name.
    """
    import torch
    from transformers import EarlyStoppingCallback, Trainer, TrainingArguments

    settings = work.job.settings
    weight = settings["answer_weight"]

    class TwoTasks(Trainer):  # type: ignore[misc]
        """Mixes the losses of the two tasks."""

        def _get_num_items_in_batch(self, batch_samples: Any, device: Any) -> Any:
            """Count the tokens of each task in all parts of an optimizer step."""
            counts = [_counts(batch["labels"], batch["is_rationale"]) for batch in batch_samples]
            return torch.stack(counts).sum(dim=0).to(device)

        def compute_loss(
            self,
            model: Any,
            inputs: Any,
            return_outputs: bool = False,
            num_items_in_batch: Any = None,
        ) -> Any:
            labels, is_rationale = inputs["labels"], inputs["is_rationale"]
            outputs = model(
                input_ids=inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
                use_cache=False,
            )
            losses = torch.nn.functional.cross_entropy(
                outputs.logits[:, :-1].float().transpose(1, 2),
                labels[:, 1:],
                ignore_index=IGNORED,
                reduction="none",
            )
            counts = num_items_in_batch
            if counts is None:
                counts = _counts(labels, is_rationale)
            loss = two_task_loss(losses, labels[:, 1:] != IGNORED, is_rationale, counts, weight)
            return (loss, {"loss": loss}) if return_outputs else loss

    has_validation = bool(sets[VALIDATION])
    model = load_weights(work.base)
    check_targets(model, settings["lora"])
    lora = lora_config(settings["lora"])
    if lora is not None:
        from peft import get_peft_model

        model = get_peft_model(model, lora)
        if settings["gradient_checkpointing"]:
            model.enable_input_require_grads()
    trainer = TwoTasks(
        model=model,
        args=TrainingArguments(
            **arguments(work, has_validation=has_validation),
            remove_unused_columns=False,
            prediction_loss_only=True,
            label_names=["labels"],
        ),
        train_dataset=list(sets[TRAIN]),
        eval_dataset=list(sets[VALIDATION]) if has_validation else None,
        data_collator=lambda pairs: collated(pairs, tokenizer.pad_token_id),
        processing_class=tokenizer,
        callbacks=[EarlyStoppingCallback(settings["patience"])]
        if settings["patience"] is not None and has_validation
        else [],
    )
    # The losses are divided by what is counted over the whole step.
    trainer.loss_is_scaled_for_ga = True
    return trainer


def collated(pairs: Sequence[Pair], padding: int | None) -> dict[str, torch.Tensor]:
    """Return a batch: answers' rows first, then rationales'.

    Args:
        pairs: Examples, each with an answer.
        padding: Id of what fills a row up; not seen and not learnt.

    Returns:
        `input_ids`, `attention_mask`, `labels` (rows, tokens) and `is_rationale` (rows,).
    """
    import torch

    found = [(pair[task], task == RATIONALE) for task in (ANSWER, RATIONALE) for pair in pairs]
    rows = [(one, which) for one, which in found if one is not None]
    width = max(len(one.input_ids) for one, _ in rows)

    def filled(row: Sequence[int], with_: int) -> list[int]:
        return [*row, *[with_] * (width - len(row))]

    return {
        "input_ids": torch.tensor([filled(one.input_ids, padding or 0) for one, _ in rows]),
        "attention_mask": torch.tensor([filled([1] * len(one.input_ids), 0) for one, _ in rows]),
        "labels": torch.tensor([filled(one.labels, IGNORED) for one, _ in rows]),
        "is_rationale": torch.tensor([which for _, which in rows]),
    }


def _counts(labels: torch.Tensor, is_rationale: torch.Tensor) -> torch.Tensor:
    """Return (2,) tokens that count, of answers and of rationales."""
    import torch

    learnt = (labels[:, 1:] != IGNORED).sum(dim=1)
    return torch.stack([learnt[~is_rationale].sum(), learnt[is_rationale].sum()])

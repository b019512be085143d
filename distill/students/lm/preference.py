"""Direct preference optimisation in the child process: TRL's DPOTrainer on tokens of our own.

The tokens are made by `encoding.py`, as for fine-tuning: an answer ends with its end token and is
never cut, and what cannot be learnt from is left out and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from distill.students.classifier import TrainingError
from distill.students.lm.base import load_tokenizer, load_weights
from distill.students.lm.encoding import Encoded, encode, left_out_for
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

CHOSEN, REJECTED = "chosen", "rejected"
SAME_ANSWER = "same_answer"
# Frozen copy of the adapter that training starts from, as TRL names it.
REFERENCE = "ref"
Pairs = Sequence[Mapping[str, list[int]]]


def train(work: Work) -> None:
    """Tune the base on pairs, and choose the checkpoint by those of `validation.jsonl`.

    Rows are `{"prompt": [messages], "chosen": [one message], "rejected": [one message]}`.

    Raises:
        TrainingError: no pair can be learnt from.
        UserError: the device is not there, or the base cannot be read.
        Stopped: it was told to stop.
    """
    prepare_torch(work.job.settings, work.job.seed)
    tokenizer = load_tokenizer(work.base)
    check_context(work)
    sets = {name: encoded_pairs(work, tokenizer, name) for name in (TRAIN, VALIDATION)}
    learn(work, tokenizer, sets, start=None)


def learn(work: Work, tokenizer: Any, sets: Mapping[str, Pairs], *, start: Path | None) -> None:
    """Train on pairs of tokens and write the result.

    Args:
        work: Whose settings they are.
        tokenizer: Of the base.
        sets: Pairs by the file's name.
        start: Adapter, or weights where all are tuned, that training starts from and is held to;
            `None` is the base.

    Raises:
        TrainingError: there are no pairs.
        Stopped: it was told to stop.
    """
    if not sets[TRAIN]:
        raise TrainingError(
            f"student: none of the {len(work.job.rows(TRAIN))} pairs can be learnt from: "
            f"{dict(work.figures['left_out'])}.",
            hint="a higher student.max_tokens, or look at the answers",
        )
    trainer = make_trainer(work, tokenizer, sets, start=start)
    run_trainer(trainer, work)
    figures = figures_of(trainer, sets, "pairs")
    found = rewards(figures["log"], figures["best_step"])
    work.figures |= figures | found
    if found:
        work.say(
            f"student: of {len(sets[VALIDATION])} pairs kept from training the chosen answer rose "
            f"further in {found['reward_accuracy']:.0%}, reward margin {found['reward_margin']:.3f}"
        )
    if REFERENCE in getattr(trainer.model, "peft_config", {}):
        trainer.model.delete_adapter(REFERENCE)
    save(trainer.model, tokenizer, work)


def rewards(log: Sequence[Mapping[str, Any]], best: int | None) -> dict[str, Any]:
    """Return how well chosen answers are told from rejected ones, on pairs kept from training.

    Args:
        log: Lines of the trainer's log.
        best: Step whose weights are kept; `None` where nothing was kept from training.

    Returns:
        `reward_margin`: mean of beta times how much further the chosen answer's log-probability
        has risen than the rejected one's, in nats; `reward_accuracy`: share of pairs where it has,
        in [0, 1]. Empty without a look at such pairs.
    """
    looks = [line for line in log if "eval_rewards/margins" in line and line["step"] == best]
    if not looks:
        return {}
    return {
        "reward_margin": looks[-1]["eval_rewards/margins"],
        "reward_accuracy": looks[-1]["eval_rewards/accuracies"],
    }


def encoded_pairs(work: Work, tokenizer: Any, name: str) -> Pairs:
    """Return a file's pairs as tokens; those that cannot be learnt from are counted."""
    kept = []
    for row in work.job.rows(name):
        prompt, limit = row["prompt"], work.job.settings["max_tokens"]
        answers = {side: row[side][0]["content"] for side in (CHOSEN, REJECTED)}
        encoded = {side: encode(tokenizer, prompt, text) for side, text in answers.items()}
        reasons = [
            left_out_for(tokenizer, prompt, text, encoded[side], limit)
            for side, text in answers.items()
        ]
        pair = pair_of(encoded[CHOSEN], answer_ids(encoded[REJECTED]))
        if keeps(work, pair, next((reason for reason in reasons if reason), None)):
            kept.append(pair)
    tell_left_out(work, name)
    return kept


def pair_of(chosen: Encoded, rejected: list[int]) -> dict[str, list[int]]:
    """Return a pair as TRL's collator takes it."""
    answer = answer_ids(chosen)
    prompt = chosen.input_ids[: len(chosen.input_ids) - len(answer)]
    return {"prompt_ids": prompt, "chosen_ids": answer, "rejected_ids": rejected}


def answer_ids(encoded: Encoded) -> list[int]:
    """Return the tokens of the answer, which is what is learnt."""
    return [token for token in encoded.labels if token >= 0]


def keeps(work: Work, pair: Mapping[str, list[int]], reason: str | None) -> bool:
    """Say whether a pair can be learnt from, and count it where it cannot."""
    left_out: Counter[str] = work.figures.setdefault("left_out", Counter())
    if reason is None and pair["chosen_ids"] == pair["rejected_ids"]:
        reason = SAME_ANSWER
    if reason is not None:
        left_out[reason] += 1
    return reason is None


def tell_left_out(work: Work, name: str) -> None:
    """Say what of the training pairs cannot be learnt from."""
    left_out = work.figures.get("left_out", {})
    if name == TRAIN and left_out:
        told = ", ".join(f"{count} {reason}" for reason, count in sorted(left_out.items()))
        work.say(f"student: {told} of {len(work.job.rows(name))} pairs left out of training")


def make_trainer(
    work: Work, tokenizer: Any, sets: Mapping[str, Pairs], *, start: Path | None
) -> Any:
    """Return TRL's trainer, ready to train; see `learn`."""
    from datasets import Dataset
    from transformers import EarlyStoppingCallback
    from trl import DPOConfig, DPOTrainer

    class OnTokens(DPOTrainer):  # type: ignore[misc]
        """Takes pairs that are tokens already."""

        def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
            return dataset

    settings = work.job.settings
    has_validation = bool(sets[VALIDATION])
    stops = settings["patience"] is not None and has_validation
    model, reference, lora = models(work, start)
    return OnTokens(
        model=model,
        ref_model=reference,
        args=DPOConfig(
            **arguments(work, has_validation=has_validation),
            beta=settings["beta"],
            max_length=None,
            prediction_loss_only=True,
        ),
        train_dataset=Dataset.from_list([dict(pair) for pair in sets[TRAIN]]),
        eval_dataset=Dataset.from_list([dict(pair) for pair in sets[VALIDATION]])
        if has_validation
        else None,
        processing_class=tokenizer,
        peft_config=lora,
        callbacks=[EarlyStoppingCallback(settings["patience"])] if stops else [],
    )


def models(work: Work, start: Path | None) -> tuple[Any, Any, Any]:
    """Return what is tuned, what it is held to, and the adapter's settings.

    The last two are `None` where the library finds them itself: beside a new adapter it holds to
    the weights without it, and of a given adapter it keeps a frozen copy.
    """
    lora = lora_config(work.job.settings["lora"])
    if lora is None:
        folder = start or work.base
        return load_weights(folder), load_weights(folder), None
    model = load_weights(work.base)
    check_targets(model, work.job.settings["lora"])
    if start is None:
        return model, None, lora
    from peft import PeftModel

    return PeftModel.from_pretrained(model, str(start), is_trainable=True), None, None

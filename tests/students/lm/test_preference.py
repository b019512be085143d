"""Direct preference and self-play on the tiny model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from tiny import sums
from worked import Rows, weights, work_of, worked

from distill.paths import conf_dir
from distill.students import Dpo, Spin
from distill.students.classifier import TrainingError
from distill.students.dpo import DPO_TRAINER, pair_row
from distill.students.lm.base import identify
from distill.students.lm.trained import About, LanguageModel
from distill.students.sft import conversations, split
from distill.students.spin import OPPONENT, SPIN_TRAINER

pytest.importorskip("torch", reason="the extra train is not installed")
# The libraries warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")

ALL_WEIGHTS = {"rank": None, "alpha": 1.0, "dropout": 0.0, "targets": []}
ANSWER, WORSE = "Yes, it is.", "No it isn't"


def settings_of(name: str) -> dict[str, Any]:
    text = (conf_dir() / "student" / f"{name}.yaml").read_text(encoding="utf-8")
    own: Mapping[str, Any] = yaml.safe_load(text)
    return {key: value for key, value in own.items() if key not in ("_target_", "defaults")}


@pytest.fixture
def dpo(sft: Callable[..., Any]) -> Callable[..., Dpo]:
    def make(**changes: Any) -> Dpo:
        quick = {"learning_rate": 0.01, "epochs": 4.0}
        return Dpo(**(vars(sft()) | settings_of("dpo") | quick | changes))

    return make


@pytest.fixture
def spin(sft: Callable[..., Any]) -> Callable[..., Spin]:
    def make(**changes: Any) -> Spin:
        quick = {"learning_rate": 0.01, "epochs": 2.0, "tuned_first": False}
        return Spin(**(vars(sft()) | settings_of("spin") | quick | changes))

    return make


def pairs(n: int, share: float = 0.25) -> Rows:
    return split([pair_row(f"Is {i} even?", ANSWER, WORSE, None) for i in range(n)], share, 0)


def real(n: int) -> Rows:
    questions = [f"Is {i} even?" for i in range(n)]
    return split(conversations(questions, [ANSWER] * n, None), 0.25, 0) | {OPPONENT: []}


def log_prob(model: LanguageModel, question: str, answer: str) -> float:
    """Return the log-probability of an answer, its end token too."""
    tokens = len(answer) + 1  # bytes
    return -tokens * float(model.losses([question], [answer])[0])


def tuned(student: Dpo | Spin, folder: Path) -> LanguageModel:
    is_adapter = student.lora["rank"] is not None
    about = About(method="dpo", base=identify(student.base), adapter=is_adapter)
    return student.answering(about, folder=folder)


@pytest.mark.parametrize("lora", [None, ALL_WEIGHTS], ids=["adapter", "all weights"])
def test_the_preferred_answer_rises_against_the_other(
    dpo: Callable[..., Dpo], tmp_path: Path, lora: dict[str, Any] | None
) -> None:
    student = dpo(**({} if lora is None else {"lora": lora, "learning_rate": 0.001}))
    work = worked(DPO_TRAINER, student, pairs(16), tmp_path / "result")
    question = "Is 90 even?"
    before, after = student.untrained(), tuned(student, tmp_path / "result")
    rise = {
        text: log_prob(after, question, text) - log_prob(before, question, text)
        for text in (ANSWER, WORSE)
    }

    assert rise[ANSWER] > rise[WORSE]
    assert work.figures["validation_pairs"] == 4
    assert work.figures["reward_accuracy"] == 1.0
    assert work.figures["reward_margin"] > 0
    assert any(
        "of 4 pairs kept from training" in one.get("say", "") for one in work.figures["said"]
    )
    assert not (tmp_path / "result" / "ref").exists()


def test_reward_and_loss_are_those_of_the_paper(dpo: Callable[..., Dpo], tmp_path: Path) -> None:
    student = dpo(beta=0.3, epochs=3.0)
    work = worked(DPO_TRAINER, student, pairs(8), tmp_path / "result")
    before, after = student.untrained(), tuned(student, tmp_path / "result")
    kept = [row["prompt"][0]["content"] for row in pairs(8)["validation"]]
    margins = [
        0.3
        * (
            (log_prob(after, q, ANSWER) - log_prob(before, q, ANSWER))
            - (log_prob(after, q, WORSE) - log_prob(before, q, WORSE))
        )
        for q in kept
    ]
    (look,) = (
        line
        for line in work.figures["log"]
        if "eval_loss" in line and line["step"] == work.figures["best_step"]
    )

    assert work.figures["reward_margin"] == pytest.approx(np.mean(margins), abs=1e-4)
    loss = np.mean([math.log1p(math.exp(-margin)) for margin in margins])
    assert look["eval_loss"] == pytest.approx(loss, abs=1e-4)


def test_a_stopped_training_on_pairs_goes_on_to_the_same_weights(
    dpo: Callable[..., Dpo], tmp_path: Path
) -> None:
    from distill.students.lm.worker import Stopped

    settings: dict[str, Any] = {"batch_size": 4, "epochs": 2.0}
    whole = dpo(**settings, work=str(tmp_path / "a"))
    worked(DPO_TRAINER, whole, pairs(16), tmp_path / "whole")
    cut = dpo(**settings, work=str(tmp_path / "b"))
    with pytest.raises(Stopped):
        worked(DPO_TRAINER, cut, pairs(16), tmp_path / "first", stop_at=3)
    resumed = worked(DPO_TRAINER, cut, pairs(16), tmp_path / "second")

    assert resumed.figures["resumed_from_step"] == 3
    assert weights(tmp_path / "second") == weights(tmp_path / "whole")


def test_pairs_that_say_nothing_are_left_out_and_counted(
    dpo: Callable[..., Dpo], tmp_path: Path
) -> None:
    rows = [
        pair_row("a?", ANSWER, WORSE, None),
        pair_row("b?", ANSWER, ANSWER, None),
        pair_row("c?", ANSWER, "word " * 200, None),
        pair_row("d?", "<|im_end|> and on", WORSE, None),
    ]
    data = {"train": rows, "validation": []}
    work = worked(DPO_TRAINER, dpo(max_steps=1), data, tmp_path / "result")

    assert work.figures["pairs"] == 1
    assert work.figures["left_out"] == {"same_answer": 1, "special_token": 1, "too_long": 1}
    assert "reward_margin" not in work.figures


def test_examples_without_a_rejected_answer_are_refused(dpo: Callable[..., Dpo]) -> None:
    examples = replace(sums(3), rejected=(None, None, None))
    with pytest.raises(TrainingError, match="none of the 3 examples has a rejected answer"):
        dpo().fit(examples, seed=0)


def test_self_play_begins_at_log_2_and_leaves_the_opponent_as_it_was(
    spin: Callable[..., Spin], tmp_path: Path
) -> None:
    import torch
    from peft import PeftModel

    from distill.students.lm import preference, self_play
    from distill.students.lm.base import load_tokenizer, load_weights

    student = spin(epochs=4.0, warmup_share=0.0)
    first = worked(SPIN_TRAINER, student, real(8), tmp_path / "training" / "one" / "result")
    data = dict(real(8)) | {OPPONENT: [{"folder": "one"}]}
    work = work_of(SPIN_TRAINER, student, data, tmp_path / "second")
    self_play.prepare_torch(student.shaping(), 3)
    tokenizer = load_tokenizer(work.base)
    start = self_play.opponent_of(work)
    assert start == tmp_path / "training" / "one" / "result"
    own = self_play.own_answers(work, tokenizer, start)
    sets = {name: self_play.encoded_pairs(work, tokenizer, name, own[name]) for name in own}
    trainer = preference.make_trainer(work, tokenizer, sets, start=start)
    before = {
        name: value.clone() for name, value in trainer.model.named_parameters() if ".ref." in name
    }
    trainer.train()
    losses = [line["loss"] for line in trainer.state.log_history if "loss" in line]
    given = PeftModel.from_pretrained(load_weights(work.base), str(start)).state_dict()

    assert first.figures["log"][0]["loss"] == pytest.approx(math.log(2), abs=1e-6)
    assert losses[0] == pytest.approx(math.log(2), abs=1e-6)
    assert losses[-1] < losses[0]
    assert before
    for name, value in trainer.model.named_parameters():
        if ".ref." in name:
            assert torch.equal(value, before[name])
            assert torch.equal(value, given[name.replace(".ref.", ".default.")])
            assert not torch.equal(
                value, trainer.model.get_parameter(name.replace(".ref.", ".default."))
            )


def test_self_play_goes_on_after_a_stop_to_the_same_weights(
    spin: Callable[..., Spin], tmp_path: Path
) -> None:
    from distill.students.lm.worker import Stopped

    settings: dict[str, Any] = {"batch_size": 2, "temperature": 0.7}
    whole = spin(**settings, work=str(tmp_path / "a"))
    worked(SPIN_TRAINER, whole, real(8), tmp_path / "whole")
    cut = spin(**settings, work=str(tmp_path / "b"))
    with pytest.raises(Stopped):
        worked(SPIN_TRAINER, cut, real(8), tmp_path / "first", stop_at=3)
    resumed = worked(SPIN_TRAINER, cut, real(8), tmp_path / "second")

    assert weights(tmp_path / "second") == weights(tmp_path / "whole")
    assert resumed.figures["resumed_from_step"] == 3


@pytest.mark.slow
def test_iterations_follow_each_other_in_processes_of_their_own(
    spin: Callable[..., Spin], tmp_path: Path
) -> None:
    student = spin(iterations=2, max_steps=1, max_new_tokens=4, tuned_first=True)
    made = student.fit(sums(6), seed=0)
    folders = sorted(path.name.partition("-")[0] for path in (tmp_path / "training").glob("*-*"))

    assert folders == ["self_play", "self_play", "tuning"]
    assert len(made.answer(["What is 2 plus 2?"])) == 1
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "training").rglob("*")}
    student.fit(sums(6), seed=0)
    assert times == {path: path.stat().st_mtime_ns for path in (tmp_path / "training").rglob("*")}


def test_an_own_answer_ends_where_it_ended() -> None:
    from distill.students.lm.self_play import until_end

    assert until_end([5, 6, 1, 1, 1], 1) == [5, 6, 1]
    assert until_end([5, 6], 1) == [5, 6]

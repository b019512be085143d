"""Two tasks of one model: the arithmetic of their loss, and training on the tiny model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from worked import weights, work_of, worked

from distill.paths import conf_dir
from distill.students import StepByStep
from distill.students.lm.encoding import asked
from distill.students.lm.trained import About, LanguageModel
from distill.students.saved import load
from distill.students.step_by_step import TWO_TASKS_TRAINER

pytest.importorskip("torch", reason="the extra train is not installed")
# The libraries warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")

Make = Callable[..., StepByStep]


@pytest.fixture
def step_by_step(sft: Callable[..., Any], tmp_path: Path) -> Make:
    def make(**changes: Any) -> StepByStep:
        text = (conf_dir() / "student" / "step_by_step.yaml").read_text(encoding="utf-8")
        own = yaml.safe_load(text)
        for key in ("_target_", "defaults"):
            own.pop(key)
        return StepByStep(**(vars(sft()) | own | changes))

    return make


def rows(n: int) -> dict[str, list[dict[str, Any]]]:
    """Return `n` questions with answers and rationales of different lengths; the last has none."""
    return {
        "train": [
            {
                "answer_prompt": asked(f"predict: {i} + {i}?", None),
                "answer": f"{2 * i}",
                "rationale_prompt": asked(f"explain: {i} + {i}?", None),
                "rationale": None if i == n - 1 else f"{i} and {i} " + "more " * i,
            }
            for i in range(n)
        ],
        "validation": [],
    }


def gradient(student: StepByStep, draft: Path) -> Any:
    """Return the gradient of one optimizer step as the trainer computes it, in one vector."""
    import torch

    from distill.students.lm import two_tasks
    from distill.students.lm.base import load_tokenizer

    work = work_of(TWO_TASKS_TRAINER, student, rows(4), draft)
    two_tasks.prepare_torch(student.shaping(), 0)
    tokenizer = load_tokenizer(work.base)
    sets = {"train": two_tasks.encoded_pairs(work, tokenizer, "train"), "validation": []}
    trainer = two_tasks.make_trainer(work, tokenizer, sets)
    batches = list(trainer.get_train_dataloader())
    counts = trainer._get_num_items_in_batch(batches, "cpu")
    trainer.model.train()
    for batch in batches:
        trainer.training_step(trainer.model, batch, counts)
    return torch.cat(
        [p.grad.flatten() for p in trainer.model.parameters() if p.grad is not None]
    ).double()


ALL_WEIGHTS = {"rank": None, "alpha": 1.0, "dropout": 0.0, "targets": []}


def test_weight_1_learns_answers_only_and_one_half_the_mean_of_both(
    step_by_step: Make, tmp_path: Path
) -> None:
    import torch

    def at(weight: float, **changes: Any) -> Any:
        student = step_by_step(
            answer_weight=weight, lora=ALL_WEIGHTS, batch_size=4, micro_batch_size=4, **changes
        )
        return gradient(student, tmp_path / f"{weight}{len(changes)}")

    answers, rationales, half = at(1.0), at(0.0), at(0.5)

    assert torch.allclose(half, (answers + rationales) / 2, atol=1e-7)
    assert not torch.allclose(answers, rationales, atol=1e-3)


def test_weight_1_gives_the_gradient_of_plain_fine_tuning_on_the_answers(
    step_by_step: Make, sft: Callable[..., Any], tmp_path: Path
) -> None:
    import torch

    from distill.students.lm import tuning
    from distill.students.lm.base import load_tokenizer

    settings: dict[str, Any] = {"lora": ALL_WEIGHTS, "batch_size": 4, "micro_batch_size": 4}
    own = gradient(step_by_step(answer_weight=1.0, **settings), tmp_path / "own")
    plain = [
        {
            "prompt": row["answer_prompt"],
            "completion": [{"role": "assistant", "content": row["answer"]}],
        }
        for row in rows(4)["train"]
    ]
    data = {"train": plain, "validation": []}
    work = work_of("distill.students.lm.tuning", sft(**settings), data, tmp_path / "plain")
    tokenizer = load_tokenizer(work.base)
    sets = {"train": tuning.encoded_rows(work, tokenizer, "train"), "validation": []}
    trainer = tuning.make_trainer(work, tokenizer, sets)
    (batch,) = trainer.get_train_dataloader()
    trainer.model.train()
    counts = trainer._get_num_items_in_batch([batch], "cpu")
    trainer.training_step(trainer.model, batch, counts)
    other = torch.cat([p.grad.flatten() for p in trainer.model.parameters() if p.grad is not None])

    assert torch.allclose(own, other.double(), atol=1e-6)


def test_parts_of_a_step_add_up_to_its_gradient(step_by_step: Make, tmp_path: Path) -> None:
    import torch

    settings: dict[str, Any] = {"lora": ALL_WEIGHTS, "batch_size": 4}
    whole = gradient(step_by_step(micro_batch_size=4, **settings), tmp_path / "whole")
    parts = gradient(step_by_step(micro_batch_size=1, **settings), tmp_path / "parts")

    assert torch.allclose(whole, parts, atol=1e-6)


def test_a_student_of_two_tasks_answers_without_a_rationale(
    step_by_step: Make, tmp_path: Path
) -> None:
    student = step_by_step(
        lora=ALL_WEIGHTS, epochs=50.0, batch_size=4, validation_share=0.0, checkpoint_steps=999
    )
    data = rows(4)
    for row in data["train"]:
        row |= {"answer": "Ja.", "rationale": "Weil."}
    worked(TWO_TASKS_TRAINER, student, data, tmp_path / "result")
    model = student._answering(tmp_path / "result")
    told = LanguageModel(**(vars(model) | {"opening": student.explain, "_loaded": []}))
    (tmp_path / "student").mkdir()
    model.save(tmp_path / "student")

    assert model.answer(["1 + 1?", "2 + 2?"]) == ["Ja.", "Ja."]
    assert told.answer(["1 + 1?"]) == ["Weil."]
    assert load(tmp_path / "student").answer(["1 + 1?"]) == ["Ja."]


def test_a_stopped_training_of_two_tasks_goes_on_to_the_same_weights(
    step_by_step: Make, tmp_path: Path
) -> None:
    from distill.students.lm.worker import Stopped

    data = rows(9)
    data["validation"] = data["train"][:2]
    settings: dict[str, Any] = {"batch_size": 4, "checkpoint_steps": 2}
    worked(
        TWO_TASKS_TRAINER, step_by_step(**settings, work=str(tmp_path / "a")), data, tmp_path / "w"
    )
    cut = step_by_step(**settings, work=str(tmp_path / "b"))
    with pytest.raises(Stopped):
        worked(TWO_TASKS_TRAINER, cut, data, tmp_path / "first", stop_at=3)
    resumed = worked(TWO_TASKS_TRAINER, cut, data, tmp_path / "second")

    assert resumed.figures["resumed_from_step"] == 3
    assert resumed.figures["rationales"] == 8
    assert weights(tmp_path / "second") == weights(tmp_path / "w")


def test_what_is_too_long_is_left_out_and_a_rationale_alone(
    step_by_step: Make, tmp_path: Path
) -> None:
    data = rows(4)
    data["train"][0]["answer"] = "long " * 100
    data["train"][1]["rationale"] = "long " * 100
    student = step_by_step(max_tokens=120, max_steps=1, validation_share=0.0)
    work = worked(TWO_TASKS_TRAINER, student, data, tmp_path / "result")

    assert work.figures["left_out"] == {"answer_too_long": 1, "rationale_too_long": 1}
    assert (work.figures["examples"], work.figures["rationales"]) == (3, 1)


def test_the_rationale_before_the_answer_is_not_the_answer(
    step_by_step: Make, tmp_path: Path
) -> None:
    model = step_by_step(mode="rationale_first")._answering(tmp_path)

    assert model.about == About(method="step_by_step", base=model.about.base, adapter=True)
    assert model._read(" 2 #### and 2\n#### 4 ") == "4"
    assert model._read("no mark") == "no mark"


@pytest.mark.parametrize("mode", ["two_tasks", "rationale_first"])
def test_it_is_served_in_a_way_that_knows_its_prefix_and_its_marker(
    step_by_step: Make, tmp_path: Path, mode: str
) -> None:
    from distill.serve import make_ready

    (tmp_path / "result").mkdir()
    (tmp_path / "student").mkdir()
    step_by_step(mode=mode)._answering(tmp_path / "result").save(tmp_path / "student")
    ready = make_ready(tmp_path / "student")

    assert ready.served.student == tmp_path / "student"
    assert ready.served.weights is None
    assert "prefix" in str(ready.note)

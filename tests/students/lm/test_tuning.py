"""Fine-tuning itself, in this process: what is learnt, resumed and chosen."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tiny import sums

from distill.errors import UserError
from distill.students import Sft
from distill.students.classifier import TrainingError
from distill.students.lm.base import identify
from distill.students.lm.job import Job, read_job
from distill.students.lm.worker import Stopped, Work
from distill.students.sft import TRAINER, conversations, split

pytest.importorskip("torch", reason="the extra train is not installed")
# The libraries warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")

Make = Callable[..., Sft]
Rows = Mapping[str, Sequence[Mapping[str, Any]]]


def worked(
    student: Sft, rows: Rows, draft: Path, *, stop_at: int | None = None, seed: int = 3
) -> Work:
    """Train in this process; with `stop_at`, tell it to stop after as many steps."""
    from distill.students.lm import tuning

    base = identify(student.base)
    job = Job(trainer=TRAINER, base=base, settings=student.shaping(), seed=seed, data=rows)
    stopping = threading.Event()

    def hear(word: dict[str, Any]) -> None:
        said.append(word)
        if word.get("done") == stop_at:
            stopping.set()

    said: list[dict[str, Any]] = []
    draft.mkdir(parents=True)
    work = Work(read_job(job.write(Path(student.work))), base.source, draft, hear, stopping)
    tuning.train(work)
    work.figures["said"] = said
    return work


def rows_of(n: int, share: float = 0.0, answers: Sequence[str] | None = None) -> Rows:
    examples = sums(n)
    return split(conversations(examples.questions, answers or examples.answers, None), share, 0)


def weights(folder: Path) -> bytes:
    return (folder / "adapter_model.safetensors").read_bytes()


def test_a_stopped_training_goes_on_to_the_weights_of_an_undisturbed_one(
    sft: Make, tmp_path: Path
) -> None:
    rows = rows_of(14, 0.2)
    lora = {"rank": 4, "alpha": 8, "dropout": 0.3, "targets": []}
    settings: dict[str, Any] = {"lora": lora, "batch_size": 4, "epochs": 3.0}
    whole = worked(sft(**settings, work=str(tmp_path / "a")), rows, tmp_path / "whole")
    cut = sft(**settings, work=str(tmp_path / "b"))
    with pytest.raises(Stopped):
        worked(cut, rows, tmp_path / "first", stop_at=5)
    # As if it had been killed while it wrote the next one.
    (checkpoints,) = (tmp_path / "b").glob("*/checkpoints")
    (checkpoints / "checkpoint-6").mkdir()
    (checkpoints / "checkpoint-6" / "trainer_state.json").write_text("{")
    resumed = worked(cut, rows, tmp_path / "second")

    assert resumed.figures["resumed_from_step"] == 5
    assert resumed.figures["steps"] == whole.figures["steps"] == 9
    assert weights(tmp_path / "second") == weights(tmp_path / "whole")
    assert resumed.figures["best_step"] == whole.figures["best_step"]


def test_another_seed_gives_other_weights(sft: Make, tmp_path: Path) -> None:
    student = sft(max_steps=2)
    worked(student, rows_of(8), tmp_path / "one", seed=1)
    worked(student, rows_of(8), tmp_path / "other", seed=2)

    assert weights(tmp_path / "one") != weights(tmp_path / "other")


def test_a_student_learns_to_stop(sft: Make, tmp_path: Path) -> None:
    from distill.students.lm.trained import About

    lora = {"rank": None, "alpha": 1.0, "dropout": 0.0, "targets": []}
    student = sft(lora=lora, epochs=60.0, batch_size=4, validation_share=0.0, checkpoint_steps=999)
    rows = rows_of(8, answers=["Ja."] * 8)
    worked(student, rows, tmp_path / "result")
    about = About(method="sft", base=identify(student.base), adapter=False)
    model = student.answering(about, folder=tmp_path / "result")

    assert model.answer(["What is 3 plus 3?", "What is 90 plus 90?"]) == ["Ja.", "Ja."]
    assert student.untrained().answer(["What is 3 plus 3?"]) != ["Ja."]


def test_the_loss_counts_answer_and_end_and_no_padding(sft: Make, tmp_path: Path) -> None:
    from distill.students.lm import tuning
    from distill.students.lm.base import load_tokenizer

    student = sft(micro_batch_size=4)
    examples = sums(4)
    answers = ["1", "22", "333", "4444"]
    rows = split(conversations(examples.questions, answers, None), 0, 0)
    base = identify(student.base)
    job = Job(trainer=TRAINER, base=base, settings=student.shaping(), seed=0, data=rows)
    stored = read_job(job.write(Path(student.work)))
    work = Work(stored, base.source, tmp_path, lambda _: None, threading.Event())
    tokenizer = load_tokenizer(base.source)
    encoded = tuning.encoded_rows(work, tokenizer, "train")
    trainer = tuning.make_trainer(work, tokenizer, {"train": encoded, "validation": []})
    (batch,) = trainer.get_train_dataloader()

    learnt = {tokenizer.decode(row[row != -100].tolist()) for row in batch["labels"]}
    assert learnt == {f"{answer}{tokenizer.eos_token}" for answer in answers}
    assert len({tuple(row.tolist()) for row in batch["input_ids"]}) == 4


def test_packed_examples_do_not_see_each_other(sft: Make, tmp_path: Path) -> None:
    import torch

    from distill.students.lm import tuning
    from distill.students.lm.base import load_tokenizer

    student = sft(packing=True, micro_batch_size=1, max_tokens=400)
    base = identify(student.base)
    rows = rows_of(6)
    job = Job(trainer=TRAINER, base=base, settings=student.shaping(), seed=0, data=rows)
    stored = read_job(job.write(Path(student.work)))
    work = Work(stored, base.source, tmp_path, lambda _: None, threading.Event())
    tokenizer = load_tokenizer(base.source)
    encoded = tuning.encoded_rows(work, tokenizer, "train")
    trainer = tuning.make_trainer(work, tokenizer, {"train": encoded, "validation": []})
    batch = next(iter(trainer.get_train_dataloader()))
    inputs = {key: value for key, value in batch.items() if key != "labels"}
    with torch.inference_mode():
        packed = trainer.model(**inputs, use_cache=False).logits[0]
        starts = [i for i, at in enumerate(batch["position_ids"][0].tolist()) if at == 0]
        ends = [*starts[1:], packed.shape[0]]
        for start, end in zip(starts, ends, strict=True):
            alone = trainer.model(input_ids=batch["input_ids"][:, start:end]).logits[0]
            assert torch.allclose(packed[start:end], alone, atol=1e-5)

    assert len(starts) > 1


def test_the_best_checkpoint_is_kept_and_training_ends_early(sft: Make, tmp_path: Path) -> None:
    student = sft(learning_rate=0.5, epochs=40.0, validation_share=0.3, patience=2,
                  schedule="constant")  # fmt: skip
    work = worked(student, rows_of(10, 0.3), tmp_path / "result")
    looks = [line for line in work.figures["log"] if "eval_loss" in line]
    best = min(looks, key=lambda line: line["eval_loss"])

    assert work.figures["steps"] < 40
    assert work.figures["best_step"] == best["step"] == looks[-3]["step"]


def test_what_cannot_be_learnt_from_is_left_out_and_counted(sft: Make, tmp_path: Path) -> None:
    answers = ["Yes.", "word " * 100, "end<|im_end|> and on", "No."]
    student = sft(max_tokens=100, max_steps=1, validation_share=0.0)
    work = worked(student, rows_of(4, answers=answers), tmp_path / "result")

    assert work.figures["examples"] == 2
    assert json.loads(json.dumps(work.figures["left_out"])) == {"special_token": 1, "too_long": 1}
    assert {"say": "student: 1 special_token, 1 too_long of 4 examples left out of training"} in (
        work.figures["said"]
    )
    with pytest.raises(TrainingError, match="none of the 4 examples"):
        worked(sft(max_tokens=16), rows_of(4, answers=answers), tmp_path / "none")


def test_nothing_of_this_machine_stands_in_the_result(sft: Make, tmp_path: Path) -> None:
    worked(sft(max_steps=1), rows_of(4), tmp_path / "result")
    texts = b"".join(
        path.read_bytes()
        for path in (tmp_path / "result").iterdir()
        if path.name != "adapter_config.json"
    )

    assert str(tmp_path).encode() not in texts
    config = json.loads((tmp_path / "result" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == sft().base


def test_questions_of_one_prompt_stay_on_one_side_of_the_split() -> None:
    rows = conversations([f"q{i % 5}" for i in range(20)], ["a"] * 20, None)
    parts = split(rows, 0.4, 1)
    sides = [{row["prompt"][0]["content"] for row in part} for part in parts.values()]

    assert [len(part) for part in parts.values()] == [12, 8]
    assert not sides[0] & sides[1]
    assert split(rows, 0.0, 1)["validation"] == []
    assert len(split(rows[:1], 0.4, 1)["train"]) == 1


def test_a_loss_that_is_no_number_ends_the_training_with_a_sentence(
    sft: Make, tmp_path: Path
) -> None:
    student = sft(learning_rate=1e38, schedule="constant", warmup_share=0.0, epochs=20.0)
    with pytest.raises(TrainingError, match="the loss is no number any more at step"):
        worked(student, rows_of(6), tmp_path / "result")


def test_a_layer_that_the_base_does_not_have_is_told_with_those_it_has(
    sft: Make, tmp_path: Path
) -> None:
    lora = {"rank": 4, "alpha": 8.0, "dropout": 0.0, "targets": ["q_proj", "query"]}
    with pytest.raises(UserError, match=r"targets: got \['query'\], .* down_proj, ") as told:
        worked(sft(lora=lora), rows_of(6), tmp_path / "result")
    assert "targets=[]" in str(told.value)


def test_an_example_may_not_be_longer_than_the_base_reads(sft: Make, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="max_tokens: got 4096, want at most 2048"):
        worked(sft(max_tokens=4096), rows_of(6), tmp_path / "result")

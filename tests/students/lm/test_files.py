"""The files of a training set are read by the usual libraries as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tables import answered_table
from tiny import sums

from distill.exports import Chat, Completion, Export
from distill.stages.export import export_dataset
from distill.students import Sft
from distill.students.lm.base import identify
from distill.students.lm.job import Job
from distill.students.sft import TRAINER, conversations, split

pytest.importorskip("torch", reason="the extra train is not installed")
# The libraries warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")


def trained_on(file: Path, tiny: Path) -> str:
    """Let TRL train on a file with nothing set, and return what the first example teaches."""
    from datasets import load_dataset
    from trl import SFTConfig, SFTTrainer

    rows = load_dataset("json", data_files=str(file), split="train", cache_dir=str(file.parent))
    # Its default of 16 bits needs a GPU, or to be told that there is none.
    on_cpu = SFTConfig(use_cpu=True, report_to="none")
    trainer = SFTTrainer(str(tiny), args=on_cpu, train_dataset=rows)
    ended = trainer.train()
    assert ended.training_loss > 0
    first = trainer.train_dataset[0]["labels"]
    return str(trainer.processing_class.decode([label for label in first if label != -100]))


@pytest.mark.parametrize(
    ("export", "learnt"),
    [
        pytest.param(Chat(system=None), "<|im_start|>user\nWhy?<|im_end|>\n", id="chat"),
        pytest.param(Completion(), " So.<|im_end|>", id="completion"),
    ],
)
def test_a_dataset_is_trained_on_by_trl_without_settings(
    export: Export, learnt: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table = answered_table([" So.", " Because\u2028it is 雪."], question=["Why?", "How?"])
    export_dataset(table, export, tmp_path / "dataset.jsonl")

    assert trained_on(tmp_path / "dataset.jsonl", tiny).startswith(learnt)


def test_the_rows_of_a_training_are_trained_on_by_trl_without_settings(
    sft: Callable[..., Sft], tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    student, examples = sft(), sums(3)
    rows = conversations(examples.questions, examples.answers, "Add.")
    job = Job(
        trainer=TRAINER, base=identify(student.base), settings={}, seed=0, data=split(rows, 0.0, 0)
    )
    file = job.write(tmp_path) / "data" / "train.jsonl"

    assert trained_on(file, tiny) == "It is 0.<|im_end|>\n"

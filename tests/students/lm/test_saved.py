"""A language model in a folder: saved, found again, refused where its base is another."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny import sums

from distill.errors import UserError
from distill.students import Sft, Tuned, load
from distill.tracking.student import requirements

pytest.importorskip("torch", reason="the extra train is not installed")
# The libraries warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")

Make = Callable[..., Sft]
QUESTIONS = ["What is 1 plus 1?", "And what is it all about, then? 雪", "Hm"]


def test_a_model_answers_alike_when_it_is_loaded_and_in_any_order(
    sft: Make, tmp_path: Path
) -> None:
    student = sft(answers_at_once=2)
    model = student.untrained()
    model.save(tmp_path)
    loaded = load(tmp_path)

    assert isinstance(student, Tuned)
    assert loaded.answer(QUESTIONS) == model.answer(QUESTIONS)
    assert model.answer([]) == []
    assert model.answer(QUESTIONS[::-1])[::-1] == model.answer(QUESTIONS)


def test_a_base_that_has_changed_is_refused(sft: Make, tiny: Path, tmp_path: Path) -> None:
    base = shutil.copytree(tiny, tmp_path / "base")
    model = sft(base=str(base)).untrained()
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps(config | {"rms_norm_eps": 0.1}))

    with pytest.raises(UserError, match="has other weights than it was tuned from"):
        model.answer(QUESTIONS)


def test_losses_are_those_of_the_answers_alone(sft: Make) -> None:
    model = sft().untrained()
    examples = sums(3)
    losses = model.losses(examples.questions, examples.answers)

    # Random weights know nothing: every one of the 258 tokens is about equally likely.
    assert np.allclose(losses, np.log(258), atol=0.2)
    assert not np.allclose(losses, model.losses(examples.questions, ["x"] * 3), atol=1e-4)


def test_a_damaged_description_is_told(sft: Make, tmp_path: Path) -> None:
    sft().untrained().save(tmp_path)
    about = json.loads((tmp_path / "student.json").read_text())
    (tmp_path / "student.json").write_text(json.dumps(about | {"base": "x"}))

    with pytest.raises(UserError, match="damaged or cut"):
        load(tmp_path)


def test_in_mlflow_it_asks_for_the_libraries_that_it_needs(sft: Make, tmp_path: Path) -> None:
    sft().untrained().save(tmp_path)
    named = {line.partition("==")[0] for line in requirements(tmp_path)}

    assert {"torch", "transformers", "peft", "numpy"} <= named


def test_a_change_of_how_it_answers_is_no_other_training(sft: Make) -> None:
    one = sft()
    assert one.shaping() == replace(one, max_new_tokens=99, work="elsewhere").shaping()
    assert one.shaping() != replace(one, learning_rate=0.1).shaping()

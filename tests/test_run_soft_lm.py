"""A language model on another's distributions, from a config to a loaded student."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny import write_tiny
from workbench import Workbench

from distill.students import load

pytest.importorskip("torch", reason="pip install 'distill[train]'")
# The libraries warn of each other.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def test_a_student_learns_a_teachers_distributions_and_is_compared_with_its_base(
    bench: Workbench, tmp_path: Path
) -> None:
    write_tiny(tmp_path / "teacher")
    write_tiny(tmp_path / "base")
    rows = [{"id": f"s{i}", "question": f"What is {i} plus {i}?", "answer": f"It is {2 * i}."}
            for i in range(12)]  # fmt: skip
    bench.write("seeds.jsonl", rows)
    held = [{"question": f"And {i} plus one?", "reference_answer": "One more."} for i in range(4)]
    bench.write("heldout.jsonl", held)
    words = [
        "task=qa",
        "judge=none",
        "filter=none",
        "seeds.real_labels=null",
        "heldout.path=heldout.jsonl",
        "evaluate.teacher=false",
        "evaluate.controls=false",
        "evaluate.curve=[]",
        "student=soft_targets_lm",
        f"student.teacher={tmp_path / 'teacher'}",
        f"student.base={tmp_path / 'base'}",
        "student.max_steps=2",
        "student.max_new_tokens=4",
        "student.work=training",
        "guard.contamination.mode=warn",
    ]

    ended = bench.main(bench.words(*words))

    assert ended.status == 0, ended.err
    assert "tokens 64 are kept, with" in " ".join(ended.err.split())
    told = json.loads((bench.out / "student" / "training.json").read_text(encoding="utf-8"))
    assert 0 < told["top_k"]["tail_mass_mean"] < 1
    assert set(bench.manifest["eval"]["arms"]) >= {"base"}
    assert len(load(bench.out / "student").answer(["What is 1 plus 1?"])) == 1

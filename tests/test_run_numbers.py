"""Digits from end to end: a large net on human labels, then a small one that it teaches."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from sklearn.datasets import load_digits
from workbench import Workbench

from distill.config import compose
from distill.models.trained import student_id
from distill.students import Classifier, Examples, Trained

pytest.importorskip("torch", reason="pip install 'distill[train]'")

COMMON = (
    "experiment=numbers",
    "task.labels=['0','1','2','3','4','5','6','7','8','9']",
    "heldout.path=heldout.jsonl",
    "judge=none",
    "evaluate.curve=[]",
    "evaluate.controls=false",
)


def words_of(bench: Workbench) -> list[str]:
    """Return a run's words without those about an endpoint."""
    return [*(word for word in bench.words() if not word.startswith("teacher.")), *COMMON]


def write_digits(bench: Workbench) -> None:
    inputs, labels = load_digits(return_X_y=True)
    rows = [
        {"id": f"d{i}", "question": json.dumps(x.astype(int).tolist()), "label": str(y)}
        for i, (x, y) in enumerate(zip(inputs, labels, strict=True))
    ]
    bench.write("labelled.jsonl", rows[:600])
    bench.write("unlabelled.jsonl", rows[:630])
    held = [row | {"reference_answer": row["label"]} for row in rows[1400:]]
    bench.write("heldout.jsonl", [{k: v for k, v in row.items() if k != "label"} for row in held])


def test_a_net_trained_on_numbers_teaches_a_smaller_one(bench: Workbench) -> None:
    write_digits(bench)
    large = bench.main(
        [
            *words_of(bench),
            "teacher=local",
            "evaluate.teacher=false",
            "seeds.path=labelled.jsonl",
            "seeds.real_labels=null",
            "student.hidden=128",
            "student.alpha=0",
        ]
    )
    assert large.status == 0, large.err
    assert bench.manifest["eval"]["accuracy"] > 0.85
    assert bench.manifest["student_calibration"]["examples"] == 120
    bench.out.rename(bench.folder / "large")

    words = [
        *words_of(bench),
        "teacher.path=large/student",
        "seeds.path=unlabelled.jsonl",
        "seeds.real_labels=30",
        "student.hidden=32",
    ]
    unknown = bench.main([*words, "teacher.model=x"])
    assert unknown.status == 2
    (known,) = re.findall(r"hint: (teacher.model=student-\w{16})\n", unknown.err)
    small = bench.main([*words, known])

    assert small.status == 0, small.err
    manifest = bench.manifest
    assert manifest["teacher"]["requests"] == 600 + 397  # it answers the held-out ones as an arm
    assert manifest["teacher"]["cost_usd"] == 0
    assert manifest["verdict"] == "helps"
    assert {"real_only", "distilled_only", "teacher"} <= set(manifest["eval"]["arms"])

    # Its files are not needed where the ledger has its answers.
    rows = bench.files(bench.out)["dataset.jsonl"]
    (bench.folder / "large").rename(bench.folder / "gone")
    again = bench.main([*words, known])
    assert again.status == 0, again.err
    assert bench.manifest["teacher"]["requests"] == 0
    assert bench.files(bench.out)["dataset.jsonl"] == rows


def two_labels() -> Trained:
    words = ["seeds.path=-", "task=classify", "task.labels=[a,b]", "student=classifier"]
    node = compose(words)["student"]
    del node["_target_"]
    probs = np.array([[0.9, 0.1], [0.1, 0.9]])
    texts = ("one cat", "two dogs")
    examples = Examples(
        questions=texts,
        answers=("a", "b"),
        real=np.ones(2, dtype=bool),
        labels=("a", "b"),
        label_probs=probs,
    )
    return Classifier(**node).fit(examples, seed=0)


def test_questions_that_are_no_numbers_are_told_before_anything_is_spent(bench: Workbench) -> None:
    write_digits(bench)
    bench.write("seeds.jsonl", [{"question": "[1, 2]"}, {"question": "not a number"}])

    ended = bench.main([*words_of(bench), "teacher.path=nowhere", "teacher.model=x"])

    assert ended.status == 2
    assert "question 2: got 'not a number', want numbers" in ended.err
    assert not bench.ledger.exists()
    assert not ended.has_traceback


def test_a_teacher_that_tells_other_labels_apart_is_told(bench: Workbench) -> None:
    write_digits(bench)
    common = [*words_of(bench), "seeds.path=unlabelled.jsonl"]
    ended = bench.main([*common, "teacher.path=nowhere", "teacher.model=x"])
    assert ended.status == 2, ended.err
    assert "no trained student" in ended.err
    assert not ended.has_traceback
    folder = bench.folder / "letters"
    folder.mkdir()
    two_labels().save(folder)
    ended = bench.main([*common, "teacher.path=letters", f"teacher.model={student_id(folder)}"])
    assert ended.status == 1, ended.err
    assert "it tells a, b apart, and was asked for 0, 1, 2" in ended.err

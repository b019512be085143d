"""Several students in one run: each two compared on the same items."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import polars as pl
import pytest
from replayed import Replay, replaying
from workbench import Ended, Workbench

from distill.statistics import mcnemar_mid_p

SHARED = Path(__file__).parents[2] / "shared"
REPLAY = SHARED / "tools" / "replay_api.py"
RECORDED = SHARED / "data" / "gsm8k" / "recorded_answers.jsonl"
HELDOUT = SHARED / "data" / "gsm8k" / "heldout.jsonl"
ITEMS = 60
# Of so many sums, the first ones, each model is right.
RIGHT = {"tuned-1": 60, "tuned-2": 30, "tuned-3": 27}


def evaluate(bench: Workbench, *words: str, url: str = "") -> Ended:
    return bench.main(
        ["run", "experiment=endpoint", "task=math", "teacher@student.via=claude",
         "heldout.path=heldout.jsonl", "student.model=tuned-1", "student.via.max_retries=0",
         f"student.base_url={url or bench.api.url}", "tracking=none", "ledger.url=ledger.db",
         "ledger.synchronous=NORMAL", "paths.out=runs/one", *words]
    )  # fmt: skip


def further(bench: Workbench, name: str, model: str, url: str = "") -> list[str]:
    return [f"student@students.{name}=endpoint", f"teacher@students.{name}.via=claude",
            f"students.{name}.model={model}", f"students.{name}.via.max_retries=0",
            f"students.{name}.base_url={url or bench.api.url}"]  # fmt: skip


def adds(prompt: str, body: Mapping[str, Any], attempt: int) -> str:
    number = int(prompt.split("What is ")[1].split()[0])
    return f"#### {2 * number if number < RIGHT[body['model']] else -1}"


@pytest.fixture
def sums(bench: Workbench) -> Workbench:
    bench.write(
        "heldout.jsonl",
        [{"question": f"What is {i} plus {i}?", "reference_answer": str(2 * i)}
         for i in range(ITEMS)],
    )  # fmt: skip
    bench.api.teacher = adds
    return bench


def test_each_two_students_are_compared_and_their_p_values_adjusted(sums: Workbench) -> None:
    from statsmodels.stats.multitest import multipletests

    ended = evaluate(sums, *further(sums, "small", "tuned-2"), *further(sums, "tiny", "tuned-3"))

    assert ended.status == 0, ended.err
    made = sums.manifest["eval"]
    assert {name: arm["accuracy"] for name, arm in made["arms"].items()} == {
        "small": 0.5,
        "tiny": 0.45,
        "endpoint": 1.0,
    }
    pairs = {(pair["a"], pair["b"]): pair for pair in made["students"]["pairs"]}
    assert list(pairs) == [("endpoint", "small"), ("endpoint", "tiny"), ("small", "tiny")]
    right = {name: [i < n for i in range(ITEMS)] for name, n in
             (("endpoint", 60), ("small", 30), ("tiny", 27))}  # fmt: skip
    exact = [mcnemar_mid_p(right[a], right[b]) for a, b in pairs]
    wanted = multipletests([test.p_value for test in exact], method="holm")[1]
    for pair, test, p_holm in zip(pairs.values(), exact, wanted, strict=True):
        assert pair["difference"] == pytest.approx(test.difference, abs=1e-6)
        assert (pair["low"], pair["high"]) == pytest.approx((test.low, test.high), abs=1e-6)
        assert pair["p_holm"] == pytest.approx(p_holm, abs=1e-6)
    assert pairs["small", "tiny"]["p_holm"] > 0.05
    said = "Not told apart (paired tests, p adjusted by Holm): small and tiny (+5.0 pp"
    assert said in " ".join(ended.out.split())
    for name in ("README.md", "report.html"):
        assert said in (sums.out / name).read_text(encoding="utf-8")
    spent = sums.manifest["students"]
    assert (spent["model"], spent["requests"]) == ("tuned-2, tuned-3", 120)
    assert "answered as students" not in (sums.out / "README.md").read_text()
    answers = pl.read_parquet(sums.out / "student" / "heldout.parquet")
    assert answers["score/small"].sum() == 30


def test_further_students_change_neither_verdict_nor_identity_and_a_second_run_is_free(
    sums: Workbench,
) -> None:
    evaluate(sums)
    alone = sums.manifest
    evaluate(sums, *further(sums, "small", "tuned-2"))
    both = sums.manifest
    sums.api.forget()
    evaluate(sums, *further(sums, "small", "tuned-2"))

    assert sums.api.count() == 0
    for key in ("verdict", "verdict_reason", "config_sha256", "dataset_sha256"):
        assert both[key] == alone[key]
    assert sums.manifest["eval"] == both["eval"]
    ended = sums.main(["reproduce", str(sums.out), "--out", "again"])
    assert ended.status == 0, ended.err


def test_estimate_and_ledger_count_further_students(sums: Workbench) -> None:
    words = ["experiment=endpoint", "task=math", "teacher@student.via=claude",
             "heldout.path=heldout.jsonl", "student.model=tuned-1", "tracking=none",
             f"student.base_url={sums.api.url}", "ledger.url=ledger.db",
             *further(sums, "small", "tuned-2")]  # fmt: skip
    ended = sums.main(["estimate", *words, "--json"])
    assert ended.status == 0, ended.err
    lines = json.loads(ended.out)["lines"]
    assert {line["role"]: line["requests"] for line in lines} == {"student": 60, "students": 60}
    evaluate(sums)
    told = json.loads(sums.main(["ledger", "explain", *words, "--json"]).out)
    assert told["roles"]["students"] == {"answered": 0, "missing": 60}


def test_students_of_several_kinds_learn_from_the_same_dataset(bench: Workbench) -> None:
    rows = [
        {"question": f"{text} {i}", "label": label, "reference_answer": label}
        for i in range(30)
        for text, label in (("goal match striker", "sport"), ("chip phone battery", "tech"))
    ]
    bench.write("seeds.jsonl", [{k: row[k] for k in ("question", "label")} for row in rows[:40]])
    held = [{k: row[k] for k in ("question", "reference_answer")} for row in rows[40:]]
    bench.write("heldout.jsonl", held)
    bench.api.teacher = lambda prompt, *_: json.dumps(
        {"label": "sport" if "goal" in prompt.split("---")[-1] else "tech"}
    )
    ended = bench.run_unjudged(
        "task=classify", "task.labels=[sport,tech]", "seeds.real_labels=10",
        "heldout.path=heldout.jsonl", "student=classifier", "evaluate.teacher=false",
        "evaluate.controls=false", "evaluate.curve=[]", "student@students.hard=classifier",
        "students.hard.targets=hard", "student@students.linear=classifier",
        "students.linear.algorithm=logistic_regression", "guard=none",
    )  # fmt: skip

    assert ended.status == 0, ended.err
    made = bench.manifest["eval"]
    assert made["students"]["names"] == ["real_and_distilled", "hard", "linear"]
    assert made["arms"]["hard"]["examples"] == made["arms"]["real_and_distilled"]["examples"] == 40
    assert len(made["students"]["pairs"]) == 3
    # Answers that agree on all of the 20 items say what a difference would have to be.
    assert 0.3 < made["arms"]["linear"]["comparison"]["minimum_detectable"] < 0.35
    assert "All students are of one kind" not in (bench.out / "report.html").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["student@students.base=endpoint", "students.base.model=x"],
                     "students.base: got 'base', want a name", id="an arm's name"),
        pytest.param(["student@students.other=classifier"],
                     "students.other: got 'Classifier', want a student for task=math", id="task"),
        pytest.param(["student@students.other=nothing"], "student", id="no such choice"),
        pytest.param(["students.other.model=x"],
                     "students.other: got keys without a choice, want a student, "
                     "student@students.other=CHOICE", id="no choice"),
        pytest.param(["student@students.other=none"],
                     "students.other: got none, want a student", id="none"),
        pytest.param(["students=3"], "students: got 3", id="no mapping"),
    ],
)  # fmt: skip
def test_faults_are_told_before_anything_is_asked(
    sums: Workbench, words: list[str], said: str
) -> None:
    ended = evaluate(sums, *words)

    assert ended.status == 2, ended.err
    assert said in ended.err
    assert not ended.has_traceback
    assert sums.api.count("teacher") == 0


@pytest.fixture(scope="module")
def replay() -> Iterator[Replay]:
    with replaying(REPLAY, RECORDED, "6b_finetuning") as server:
        yield server


@pytest.mark.skipif(
    not (REPLAY.is_file() and RECORDED.is_file() and HELDOUT.is_file()),
    reason="no recorded answers beside the project",
)
def test_four_recorded_models_are_ranked_in_one_run(bench: Workbench, replay: Replay) -> None:
    fields = ("175b_verification", "175b_finetuning", "6b_verification", "6b_finetuning")
    heldout = f"heldout.path={HELDOUT}"
    # The server plays one model at a time; afterwards the ledger has all four.
    for field in fields:
        data = json.dumps({"field": field}).encode()
        with urlopen(Request(f"{replay.url}/config", data=data, method="POST")):
            pass
        evaluate(bench, heldout, f"student.model={field}", url=replay.url)
    asked = replay.stats()["requests"]
    words = [w for field in fields[1:] for w in further(bench, f"m{field}", field, replay.url)]
    ended = evaluate(bench, heldout, f"student.model={fields[0]}", *words, url=replay.url)

    assert ended.status == 0, ended.err
    assert replay.stats()["requests"] == asked
    made = bench.manifest["eval"]
    assert {name: round(arm["accuracy"], 3) for name, arm in made["arms"].items()} == {
        "m175b_finetuning": 0.344,
        "m6b_verification": 0.4,
        "m6b_finetuning": 0.219,
        "endpoint": 0.569,
    }
    pair = next(
        one for one in made["students"]["pairs"]
        if (one["a"], one["b"]) == ("m175b_finetuning", "m6b_verification")
    )  # fmt: skip
    assert pair["difference"] == pytest.approx((241 - 280) / 700, abs=1e-6)
    assert pair["p_value"] <= pair["p_holm"] < 0.05
    assert 0.03 < pair["minimum_detectable"] < 0.09
    assert len(made["students"]["pairs"]) == 6
    assert "Every two of them are told apart" in " ".join(ended.out.split())

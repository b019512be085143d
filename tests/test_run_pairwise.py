"""Preference pairs, end to end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from fake_api import Message
from workbench import QUESTIONS, Workbench

PAIRS = ("judge=pairwise", "export=preference", "teacher.samples=2", "filter=none")


def teacher(prompt: str, body: Mapping[str, Any], attempt: int) -> str:
    del body
    return f"{prompt} {'in full' if attempt == 0 else 'badly'}"


def in_full(prompt: str, body: Mapping[str, Any], attempt: int) -> Any:
    """Prefer the answer in full; of metals, whatever comes first."""
    del body, attempt
    line = next(line for line in prompt.splitlines() if line.startswith('{"question"'))
    first = json.loads(line)["first"].endswith("in full") or "metals" in line
    return Message(json.dumps({"reason": "r", "better": "first" if first else "second"}))


@pytest.fixture(autouse=True)
def _comparing(bench: Workbench) -> None:
    bench.api.teacher, bench.api.grade = teacher, in_full


def test_each_pair_is_one_row_of_the_dataset(bench: Workbench) -> None:
    ended = bench.run(*PAIRS)

    assert ended.status == 0, ended.err
    lines = bench.lines("dataset.jsonl")
    assert len(lines) == bench.manifest["rows"] == len(QUESTIONS) - 1
    for line in lines:
        assert list(line) == ["prompt", "chosen", "rejected"]
        (chosen,), (rejected,) = line["chosen"], line["rejected"]
        assert chosen["content"].endswith("in full")
        assert rejected["content"].endswith("badly")
        assert line["prompt"][-1]["content"] in QUESTIONS
    assert bench.api.count("judge") == bench.manifest["judge"]["requests"] == 2 * len(QUESTIONS)


def test_position_consistency_stands_in_the_manifest_and_in_the_report(bench: Workbench) -> None:
    bench.run(*PAIRS)

    pairs = bench.manifest["judge"]["pairs"]
    assert pairs["compared"] == len(QUESTIONS)
    assert pairs["position_consistency"] == pytest.approx((len(QUESTIONS) - 1) / len(QUESTIONS))
    assert pairs["first_twice"] == 1
    assert "in both orders" in (bench.out / "README.md").read_text()
    assert "in both orders" in (bench.out / "report.html").read_text()


def test_a_judge_that_always_favours_a_place_is_told_where_the_rows_were_lost(
    bench: Workbench,
) -> None:
    bench.api.grade = lambda *_: Message(json.dumps({"reason": "r", "better": "second"}))
    ended = bench.run(*PAIRS)

    assert ended.status == 0, ended.err
    told = " ".join(ended.out.split())
    assert f"of {len(QUESTIONS)} pairs 0 came out alike in both orders" in told


def test_pairs_are_rebuilt_and_paid_for_once(bench: Workbench) -> None:
    bench.run(*PAIRS)
    first = bench.manifest["dataset_sha256"]
    bench.api.forget()

    assert bench.run(*PAIRS).status == 0
    assert bench.manifest["dataset_sha256"] == first
    ended = bench.main(["reproduce", str(bench.out)])
    assert ended.status == 0, ended.err
    assert bench.api.count() == 0


def test_the_estimate_counts_both_orders(bench: Workbench) -> None:
    words = ["estimate", "--json", *bench.with_judge(*PAIRS)[1:]]
    made = json.loads(bench.main(words).out)

    assert [one["requests"] for one in made["lines"]] == [2 * len(QUESTIONS)] * 2


def test_a_dataset_without_a_winner_is_empty_and_no_error(bench: Workbench) -> None:
    bench.api.grade = lambda *_: Message('{"reason": "r", "better": "tie"}')
    ended = bench.run(*PAIRS)

    assert ended.status == 0, ended.err
    assert bench.manifest["rows"] == 0
    assert (bench.out / "dataset.jsonl").read_bytes() == b""
    assert bench.manifest["judge"]["pairs"]["ties"] == len(QUESTIONS)


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        pytest.param(["export=preference"], "judge: got rubric, want pairwise", id="no pairs"),
        pytest.param([*PAIRS, "teacher.samples=1"], "teacher.samples: got 1", id="one sample"),
        pytest.param(
            [*PAIRS, "seeds.real_labels=null"], "seeds.real_labels: got nothing", id="real"
        ),
        pytest.param([*PAIRS, "judge.threshold=0"], "judge.threshold: got 0", id="threshold"),
        pytest.param([*PAIRS, "judge.max_pairs=0"], "judge.max_pairs: got 0", id="no pair"),
        pytest.param([*PAIRS, "judge.via.samples=2"], "judge.via", id="votes"),
        pytest.param([*PAIRS, "judge.prompt=x"], "judge.prompt", id="prompt"),
        pytest.param(
            ["judge=pairwise", "task=classify", "task.labels=[a,b]", "teacher.samples=2"],
            "want a judge for task=classify",
            id="labels",
        ),
    ],
)
def test_what_gives_no_pairs_is_refused_before_anything_is_asked(
    bench: Workbench, overrides: list[str], told: str
) -> None:
    ended = bench.run(*overrides)

    assert ended.status == 2
    assert told in ended.err
    assert bench.api.count() == 0


def test_pairs_without_a_judge_are_refused(bench: Workbench) -> None:
    ended = bench.main(bench.words("judge=none", "export=preference"))

    assert ended.status == 2
    assert "judge: got none, want pairwise for export=preference" in ended.err

"""A judge with 10 % noise on real recorded answers, asked over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from replayed import Replay, replaying
from workbench import Workbench

SHARED = Path(__file__).parents[3] / "shared"
REPLAY = SHARED / "tools" / "replay_api.py"
RECORDED = SHARED / "data" / "gsm8k" / "recorded_answers.jsonl"
NOISE_PERCENT = 10
FIELDS = ("175b_verification", "175b_finetuning")

pytestmark = pytest.mark.skipif(
    not (REPLAY.is_file() and RECORDED.is_file()), reason="no recorded answers beside the project"
)


@pytest.fixture(scope="module")
def replay() -> Iterator[Replay]:
    with replaying(REPLAY, RECORDED, FIELDS[0]) as server:
        noise = json.dumps({"judge_noise": NOISE_PERCENT}).encode()
        with urlopen(Request(f"{server.url}/config", data=noise, method="POST")):
            yield server


def labelled(field: str) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in RECORDED.read_text(encoding="utf-8").splitlines()]
    return [
        {"id": row["id"], "question": row["question"], "answer": row[field],
         "human_score": row[f"{field}_correct"], "model": field}
        for row in rows
    ]  # fmt: skip


def calibrated(bench: Workbench, replay: Replay, rows: list[dict[str, Any]], *words: str) -> Any:
    bench.write("labels.jsonl", rows)
    ended = bench.main(
        ["calibrate", "task=math", "tracking=none", "paths.out=out", "ledger.url=ledger.db",
         "ledger.synchronous=NORMAL", "calibrate.path=labels.jsonl", "calibrate.repeats=0",
         f"judge.base_url={replay.url}", *words]
    )  # fmt: skip
    assert ended.status == 0, ended.err
    return json.loads((bench.folder / "out" / "calibration.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("field", FIELDS)
def test_the_judges_error_rate_is_recovered(bench: Workbench, replay: Replay, field: str) -> None:
    made = calibrated(bench, replay, labelled(field))

    assert made["labels"]["n"] == 700
    assert made["error_rate"]["low"] <= NOISE_PERCENT / 100 <= made["error_rate"]["high"]


@pytest.mark.parametrize(
    ("field", "precision"), [("175b_verification", 0.85), ("175b_finetuning", 0.7)]
)
@pytest.mark.parametrize("half", [0, 1])
def test_the_recommended_threshold_has_its_precision_on_the_other_half(
    bench: Workbench, replay: Replay, field: str, precision: float, half: int
) -> None:
    rows = labelled(field)
    halves = (rows[::2], rows[1::2])
    wanted = f"calibrate.precision={precision}"
    found = calibrated(bench, replay, halves[half], wanted)["recommended"]
    assert found["by"] == "limit"

    threshold = f"judge.threshold={found['threshold']}"
    other = calibrated(bench, replay, halves[1 - half], wanted, threshold)
    assert other["precision"]["value"] >= precision


def test_the_accuracy_of_all_is_corrected_from_a_part_that_is_labelled(
    bench: Workbench, replay: Replay
) -> None:
    rows = labelled(FIELDS[1])
    truth = sum(row["human_score"] for row in rows) / len(rows)
    for row in rows[::3]:
        row["human_score"] = None

    found = calibrated(bench, replay, rows)["accuracy"]

    assert found["corrected"]["low"] <= truth <= found["corrected"]["high"]
    assert found["unlabelled"] == len(rows[::3])

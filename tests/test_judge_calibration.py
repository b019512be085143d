"""What a run says of its judge, from a calibration that was made before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from distill.calibrate.labelled import judge_sha256
from distill.config import compose
from distill.errors import UserError
from distill.judge_calibration import calibration_sentence, read_judge_calibration

CONFIG = compose(["seeds.path=-"])


def calibration(folder: Path, **changes: Any) -> str:
    """Write a calibration of the default judge and return its path."""
    told: dict[str, Any] = {
        "format": 1,
        "judge": {"model": "m", "sha256": judge_sha256(CONFIG), "threshold": 0.75},
        "labels": {"n": 200},
        "gate": {"passed": True, "failures": []},
        "kappa": {"value": 0.82, "low": 0.71, "high": 0.9, "n": 200, "standard_error": 0.05},
        "checked_at": "2026-11-24T07:00:00Z",
    }
    path = folder / "calibration.json"
    path.write_text(json.dumps(told | changes), encoding="utf-8")
    return str(path)


def said(path: str | None, *overrides: str) -> str:
    found = read_judge_calibration(path, compose(["seeds.path=-", *overrides]))
    return calibration_sentence(None if found is None else found.figures())


def test_the_judge_that_was_calibrated_is_said_to_be(tmp_path: Path) -> None:
    assert said(calibration(tmp_path)) == (
        "Judge calibrated: kappa 0.82 (95% interval 0.71 to 0.90) against 200 human labels."
    )


def test_a_threshold_makes_no_other_judge_and_a_model_does(tmp_path: Path) -> None:
    path = calibration(tmp_path)

    assert "Judge calibrated" in said(path, "judge.threshold=0.9")
    assert "is of another judge" in said(path, "judge.model=claude-opus-4-5-20251101")


def test_a_judge_that_failed_its_gate_is_not_called_good(tmp_path: Path) -> None:
    path = calibration(tmp_path, gate={"passed": False, "failures": ["Kappa is 0.20, below 0.6."]})

    assert "not good enough" in said(path)
    assert "Kappa is 0.20" in said(path)


def test_an_undefined_kappa_is_said(tmp_path: Path) -> None:
    assert "kappa undefined against 200" in said(calibration(tmp_path, kappa=None))


def test_without_a_calibration_the_judge_is_not_calibrated() -> None:
    assert "not calibrated" in said(None)


def test_a_run_without_a_judge_has_nothing_to_be_calibrated(tmp_path: Path) -> None:
    config = compose(["seeds.path=-", "judge=none"])
    assert read_judge_calibration(calibration(tmp_path), config) is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"judge": 3}', "\x00", '{"judge": {"sha256": NaN}}'], ids=repr
)
def test_a_file_that_is_no_calibration_is_told_in_one_sentence(text: str, tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(UserError, match=r"^judge_calibration.path: got .* want a calibration"):
        read_judge_calibration(str(path), CONFIG)


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(UserError, match=r"judge_calibration\.path: got"):
            read_judge_calibration(str(path), CONFIG)

"""Digits and their sum: a rationale before the answer helps there, a shuffled one does not."""

from __future__ import annotations

import importlib.util
import statistics
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the extra train is not installed")

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "rationale_digits.py"
SEEDS = range(5)


@pytest.fixture(scope="module")
def toy() -> Any:
    spec = importlib.util.spec_from_file_location("rationale_digits", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_rationale_before_the_answer_helps_and_a_shuffled_one_does_not(toy: Any) -> None:
    answer, rationale, shuffled = (
        [toy.accuracy(way, examples=300, seed=seed) for seed in SEEDS]
        for way in (toy.ANSWER, toy.RATIONALE, toy.SHUFFLED)
    )
    gains = [own - plain for own, plain in zip(rationale, answer, strict=True)]

    assert statistics.fmean(gains) >= 0.35
    assert min(gains) > 0.3
    assert all(own <= plain for own, plain in zip(shuffled, answer, strict=True))

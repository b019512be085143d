"""A real collapse is found and the absence of one is not: a small form of the benchmark."""

from __future__ import annotations

import importlib.util
import random
import sys
from pathlib import Path
from typing import Any

import pytest

from distill.errors import UserError
from distill.records.bbc import articles

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "diversity_power.py"
# One in twenty is the 5 % of both bars.
CHAINS = 20
DOCUMENTS = 200
WORDS = 45


@pytest.fixture(scope="module")
def power() -> Any:
    spec = importlib.util.spec_from_file_location("diversity_power", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def chains(power: Any) -> list[tuple[list[str], list[str], list[str]]]:
    """Return two draws of generation 1 and one of generation 2 of each chain."""
    try:
        real = [" ".join(one.text.split()[:WORDS]) for one in articles()]
    except UserError as missing:
        pytest.skip(str(missing))
    made = []
    for chain in range(CHAINS):
        rng = random.Random(chain)
        drawn = rng.sample(real, DOCUMENTS)
        first, second = power.generations(drawn, 2, rng, 0.0)
        again = power.Trigrams(drawn, 0.0)
        made.append((first, [again.write(rng) for _ in drawn], second))
    return made


def test_replacing_the_data_by_the_models_own_is_found_in_the_second_generation(
    power: Any, chains: Any
) -> None:
    found = [power.compare(second, first, i) for i, (first, _, second) in enumerate(chains)]
    flagged = sum(power.is_flagged(figures["distinct_2"]) for figures in found)
    # The bar: by distinct-2, in 95 % of chains or more.
    assert flagged >= 0.95 * CHAINS
    # The simple figures see nothing of it.
    assert all(figures["mean_vocab_size"].high > 0.95 for figures in found)


def test_two_draws_of_one_generation_are_not_told_apart(power: Any, chains: Any) -> None:
    found = [power.compare(again, first, i) for i, (first, again, _) in enumerate(chains)]
    # The bar: in 5 % of chains at most.
    assert sum(power.is_flagged(figures["distinct_2"]) for figures in found) <= 0.05 * CHAINS
    # At 5 % the chance of five or more among twenty is below 0.3 %.
    assert sum(power.is_significant(figures["distinct_2"]) for figures in found) < 5

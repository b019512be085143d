"""Label scores against the definition, with a small made-up model in place of llama.cpp."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.models.llama.labels import SameTokensError, grow, score

END = 9


class MadeUpModel:
    """Next-token weights that depend on the path alone, and a count of the questions asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, ...]] = []

    @staticmethod
    def weight(path: Sequence[int], token: int) -> float:
        return 1.0 + (sum((i + 1) * t for i, t in enumerate(path)) * 7 + token * 5) % 11

    async def __call__(self, path: Sequence[int], allowed: Sequence[int]) -> Mapping[int, float]:
        self.asked.append(tuple(path))
        whole = sum(self.weight(path, token) for token in allowed)
        return {token: math.log(self.weight(path, token) / whole) for token in allowed}


def scores_of(paths: Mapping[str, Sequence[int]]) -> tuple[dict[str, float], MadeUpModel]:
    model = MadeUpModel()
    return asyncio.run(score(grow(paths, end=END), model)), model


def by_definition(paths: Mapping[str, Sequence[int]], label: str) -> float:
    """Walk the label's tokens; at each, renormalise over what the labels that still fit write."""
    total, written = 0.0, [*paths[label], END]
    for at, token in enumerate(written):
        fitting = [[*p, END] for p in paths.values() if [*p, END][:at] == written[:at]]
        allowed = {p[at] for p in fitting}
        whole = sum(MadeUpModel.weight(written[:at], a) for a in allowed)
        total += math.log(MadeUpModel.weight(written[:at], token) / whole)
    return total


LABEL_SETS = st.lists(
    st.lists(st.integers(0, 3), min_size=1, max_size=4).map(tuple),
    min_size=2,
    max_size=8,
    unique=True,
).map(lambda paths: {f"label {i}": path for i, path in enumerate(paths)})


@given(LABEL_SETS)
def test_every_score_is_what_constrained_decoding_defines(
    paths: dict[str, tuple[int, ...]],
) -> None:
    scores, _ = scores_of(paths)
    assert scores == pytest.approx({label: by_definition(paths, label) for label in paths})


@given(LABEL_SETS)
def test_the_probabilities_of_the_labels_sum_to_one(paths: dict[str, tuple[int, ...]]) -> None:
    scores, _ = scores_of(paths)
    assert math.fsum(map(math.exp, scores.values())) == pytest.approx(1)


def test_labels_with_distinct_first_tokens_cost_one_question() -> None:
    _, model = scores_of({"a": (1, 1), "b": (2, 5, 6), "c": (3,)})
    assert model.asked == [()]


def test_only_forks_are_asked_about() -> None:
    _, model = scores_of({"ab": (1, 2, 3), "abc": (1, 2, 3, 4), "x": (5,)})
    assert model.asked == [(), (1, 2, 3)]


def test_labels_of_the_same_tokens_are_refused() -> None:
    with pytest.raises(SameTokensError, match="'a' and 'b' are the same tokens"):
        grow({"a": (1, 2), "b": (1, 2)}, end=END)

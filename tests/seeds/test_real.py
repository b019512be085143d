"""The draw of real examples keeps proportions, ignores the file's order, and nests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.errors import ConfigError
from distill.seeds.real import choose_real

counts_by_class = st.dictionaries(
    st.sampled_from("abcdefgh"), st.integers(1, 40), min_size=1, max_size=8
)


def seeds(counts: Mapping[str, int], *, unlabelled: int = 0, synthetic: int = 0) -> pl.DataFrame:
    """Return seeds whose ids begin with their label."""
    rows: list[tuple[str, str | None, str]] = []
    rows += [(f"{name}{i}", name, "human") for name, n in counts.items() for i in range(n)]
    rows += [(f"none{i}", None, "human") for i in range(unlabelled)]
    rows += [(f"made{i}", "a", "synthetic") for i in range(synthetic)]
    schema = {"id": pl.String, "reference": pl.String, "origin": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def classes(ids: list[str]) -> Counter[str]:
    return Counter(name[0] for name in ids)


def test_classes_keep_their_proportions() -> None:
    drawn = choose_real(seeds({"a": 60, "b": 30, "c": 10}), 20, seed=0)
    assert classes(drawn) == {"a": 12, "b": 6, "c": 2}


def test_the_numbers_are_those_of_the_largest_remainder_for_topics_of_news() -> None:
    news = {"b": 503, "e": 369, "p": 403, "s": 505, "t": 347}
    assert classes(choose_real(seeds(news), 50, seed=0)) == {
        "b": 12, "e": 9, "p": 9, "s": 12, "t": 8
    }  # fmt: skip


def test_a_rare_class_gets_one_where_there_is_room() -> None:
    frame = seeds({"a": 1000, "b": 1})
    assert classes(choose_real(frame, 2, seed=0)) == {"a": 1, "b": 1}
    assert classes(choose_real(frame, 1, seed=0)) == {"a": 1}


def test_unlabelled_and_synthetic_seeds_are_never_drawn() -> None:
    drawn = choose_real(seeds({"a": 3}, unlabelled=5, synthetic=5), None, seed=0)
    assert sorted(drawn) == ["a0", "a1", "a2"]


def test_zero_draws_none() -> None:
    assert choose_real(seeds({"a": 3}), 0, seed=0) == []


def test_null_draws_none_where_nothing_is_labelled() -> None:
    assert choose_real(seeds({}, unlabelled=3), None, seed=0) == []


def test_more_than_there_are_is_a_fault_that_says_how_many() -> None:
    with pytest.raises(ConfigError, match=r"^seeds.real_labels: got 4, want at most 3"):
        choose_real(seeds({"a": 3}, unlabelled=2, synthetic=1), 4, seed=0)


def test_another_seed_draws_others() -> None:
    frame = seeds({"a": 50, "b": 50})
    assert set(choose_real(frame, 20, seed=0)) != set(choose_real(frame, 20, seed=1))


@settings(derandomize=True, deadline=None, max_examples=100)
@given(counts=counts_by_class, seed=st.integers(0, 2**32 - 1), data=st.data())
def test_draws_nest_and_keep_to_the_proportions(
    counts: dict[str, int], seed: int, data: st.DataObject
) -> None:
    frame = seeds(counts, unlabelled=3)
    total = sum(counts.values())
    whole = choose_real(frame, None, seed)
    assert sorted(whole) == sorted(frame.filter(pl.col("reference").is_not_null())["id"])
    wanted = data.draw(st.integers(0, total))
    drawn = choose_real(frame.sample(fraction=1.0, shuffle=True, seed=1), wanted, seed)
    assert drawn == whole[:wanted]
    if wanted >= len(counts):
        assert set(classes(drawn)) == set(counts)
    if wanted >= 2 * len(counts):
        for name, n in classes(drawn).items():
            assert abs(n - wanted * counts[name] / total) < len(counts)

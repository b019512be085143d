"""Which config keys differ, and how they are told."""

from __future__ import annotations

from typing import Any

import pytest

from distill.compare.lines import apart, setting_lines, value_text
from distill.compare.settings import MASK, differing


def keys(a: dict[str, Any], b: dict[str, Any]) -> dict[str, tuple[Any, Any, str]]:
    return {one.key: (one.a, one.b, one.where) for one in differing(a, b)}


def test_equal_configs_have_no_differences() -> None:
    config = {"judge": {"threshold": 0.5, "floors": {}}, "filter": {}, "augment": None}
    assert differing(config, config) == ()


def test_a_key_that_differs_is_told_with_both_values() -> None:
    assert keys({"judge": {"threshold": 0.5}}, {"judge": {"threshold": 0.7}}) == {
        "judge.threshold": (0.5, 0.7, "both")
    }


def test_numbers_that_yaml_writes_in_two_ways_are_one() -> None:
    assert keys({"a": {"x": 1}}, {"a": {"x": 1.0}}) == {}


def test_true_is_not_one() -> None:
    assert keys({"a": {"x": True}}, {"a": {"x": 1}}) == {"a.x": (True, 1, "both")}


def test_a_key_of_one_side_says_whose_it_is() -> None:
    found = keys({"filter": {"x": {"n": 1}}}, {"filter": {"y": {"n": 1}}})
    assert found == {"filter.x.n": (1, None, "a"), "filter.y.n": (None, 1, "b")}


def test_a_group_that_is_off_on_one_side_is_told_by_the_other_alone() -> None:
    assert keys({"judge": None, "filter": {}}, {"judge": {"n": 1}, "filter": {"x": {"n": 2}}}) == {
        "judge.n": (None, 1, "b"),
        "filter.x.n": (None, 2, "b"),
    }


def test_a_null_against_a_value_is_told() -> None:
    assert keys({"select": {"n": None}}, {"select": {"n": 5}}) == {"select.n": (None, 5, "both")}


@pytest.mark.parametrize(
    ("key", "shapes"),
    [
        ("judge.threshold", True),
        ("teacher.model", True),
        ("teacher.concurrency", False),
        ("paths.out", False),
        ("ledger.url", False),
        ("budget.max_usd", False),
        ("pathsx.out", True),
    ],
)
def test_keys_that_shape_the_dataset_are_known(key: str, shapes: bool) -> None:
    group, name = key.split(".")
    (one,) = differing({group: {name: 1}}, {group: {name: 2}})
    assert one.shapes_dataset is shapes


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("url", "postgresql://me:hunter2@db/x", "postgresql://me:***@db/x"),
        ("url", "http://h/?token=hunter2", "http://h/?token=***"),
        ("api_key", "hunter2", MASK),
        ("apiKey", "hunter2", MASK),
        ("auth_token", "hunter2", MASK),
        ("password", "hunter2", MASK),
        ("api_key_env", "NAME_OF_A_VARIABLE", "NAME_OF_A_VARIABLE"),
        ("max_tokens", 1024, 1024),
        ("monkey", "banana", "banana"),
    ],
)
def test_secrets_are_masked_and_nothing_else(key: str, value: Any, told: Any) -> None:
    (one,) = differing({"x": {key: value}}, {"x": {key: 0}})
    assert one.a == told


def test_secrets_that_differ_are_told_to_differ_without_being_told() -> None:
    (one,) = differing({"x": {"api_key": "one"}}, {"x": {"api_key": "two"}})
    assert (one.a, one.b) == (MASK, MASK)


def test_a_missing_group_is_one_line_with_its_class() -> None:
    class Pair:
        def __init__(self, a: Any, b: Any) -> None:
            self.a = type("S", (), {"config": a})()
            self.b = type("S", (), {"config": b})()
            self.settings = differing(a, b)

    judge = {"_target_": "distill.judges.Rubric", "threshold": 0.5, "floors": {"accuracy": 3}}
    pair: Any = Pair({"judge": judge, "x": 1}, {"judge": None, "x": 1})
    (line,) = setting_lines(pair, shapes_dataset=True)
    assert (line.key, line.a, line.b, line.keys) == ("judge", "Rubric, 3 keys", None, 3)
    other = {"_target_": "distill.judges.Verifier", "threshold": 0.5}
    pair = Pair({"judge": judge}, {"judge": other})
    told = {line.key: (line.a, line.b) for line in setting_lines(pair, shapes_dataset=True)}
    assert told == {
        "judge._target_": ("distill.judges.Rubric", "distill.judges.Verifier"),
        "judge.floors.accuracy": ("3", None),
    }


def test_long_texts_are_cut_to_where_they_part() -> None:
    same = "word " * 100
    a, b = apart(f"{same}left end", f"{same}right end", 30)
    assert "left" in a
    assert "right" in b
    assert max(len(a), len(b)) <= 30
    assert a.startswith("…")


def test_a_text_that_continues_another_shows_its_end() -> None:
    a, b = apart("x" * 50, "x" * 50 + " more", 20)
    assert "more" in b
    assert a != b


@pytest.mark.parametrize(
    ("value", "told"),
    [("", '""'), (None, "null"), (True, "true"), ([1, "é"], '[1, "é"]'), ("a\x1b", "a␛")],
)
def test_values_are_told_as_in_the_file_and_harmless(value: Any, told: str) -> None:
    assert value_text(value) == told

from __future__ import annotations

from typing import Any

import pytest

from distill.build import build, instantiate
from distill.config import compose
from distill.errors import ConfigError, Fault
from distill.filters import MinWords
from distill.judges import Rubric
from distill.models import Claude


def config() -> dict[str, Any]:
    return compose(["seeds.path=seeds.jsonl"])


def faults_of(node: Any, key: str = "some.key") -> tuple[Any, list[Fault]]:
    faults: list[Fault] = []
    return instantiate(node, key, faults), faults


def test_a_component_is_made_with_its_keys() -> None:
    made, faults = faults_of({"_target_": "distill.filters.MinWords", "min_words": 3})

    assert made == MinWords(min_words=3)
    assert faults == []


def test_children_are_made_first() -> None:
    plan = build(config())

    assert isinstance(plan.judge, Rubric)
    assert isinstance(plan.judge.via, Claude)
    assert plan.judge.endpoint is plan.judge.via


def test_the_faults_of_a_child_are_told_once_and_with_its_key() -> None:
    given = config()
    given["judge"]["via"]["max_tokens"] = 0
    given["judge"]["threshold"] = 2
    with pytest.raises(ConfigError) as caught:
        build(given)

    assert sorted(fault.where for fault in caught.value.faults) == [
        "judge.threshold",
        "judge.via.max_tokens",
    ]


def test_a_key_that_is_left_out_is_told() -> None:
    given = config()
    del given["teacher"]["max_tokens"]
    del given["select"]
    with pytest.raises(ConfigError) as caught:
        build(given)

    assert {fault.where for fault in caught.value.faults} == {"teacher.max_tokens", "select"}


@pytest.mark.parametrize("value", [None, [], "x", 5, True])
def test_a_part_that_must_be_there_is_told_whatever_stands_for_it(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"task: got"):
        build(config() | {"task": value})


@pytest.mark.parametrize("value", ["x", 5, ["a"], {"a": 5}, {"_target_": "x"}])
def test_named_groups_hold_named_components(value: Any) -> None:
    with pytest.raises(ConfigError, match="filter"):
        build(config() | {"filter": value})


def test_a_selector_is_no_filter() -> None:
    given = config()
    given["filter"] = {"top": config()["select"]}
    with pytest.raises(ConfigError, match=r"filter\.top\._target_"):
        build(given)


def test_building_reads_writes_and_asks_nothing(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    plan = build(config())

    assert list(tmp_path.iterdir()) == []
    assert plan.seed == 0
    assert str(plan.out).startswith("outputs/distill/")


def test_a_fault_of_a_whole_component_names_the_key_that_it_is_about() -> None:
    given = config()
    given["judge"]["prompt"] = "{dimensions} only"
    given["judge"]["floors"] = {"charm": 3}
    with pytest.raises(ConfigError) as caught:
        build(given)

    assert {fault.where for fault in caught.value.faults} <= {"judge.prompt", "judge.floors"}


def test_percent_is_hinted_only_for_shares() -> None:
    given = config()
    given["judge"]["threshold"] = 75
    given["teacher"]["temperature"] = 60
    with pytest.raises(ConfigError) as caught:
        build(given)

    hints = {fault.where: fault.hint for fault in caught.value.faults}
    assert hints == {"judge.threshold": "75 percent is written 0.75", "teacher.temperature": None}


def test_faults_are_cut_after_a_screenful_and_counted() -> None:
    faults = [Fault(f"key{i}", "a rule", "x") for i in range(30)]
    message = str(ConfigError(faults))

    assert "key24: got x, want a rule." in message
    assert "key25" not in message
    assert message.endswith("… and 5 more.")

from __future__ import annotations

from pathlib import Path

import pytest

from distill.errors import ConfigError
from distill.sweep.choice import Result, choose
from distill.sweep.points import Point, expand, rounded


def result(index: int, rows: int, accuracy: float | None, n: int = 300) -> Result:
    point = Point(index=index, swept={"judge.threshold": str(index)}, overrides=())
    return Result(point=point, status="done", rows=rows, accuracy=accuracy, n=n)


def test_every_combination_is_a_point_in_the_order_of_the_keys() -> None:
    points = expand(["seed=1,2", "teacher=local", "judge.threshold=0.5,0.6"])
    assert [point.name for point in points] == [
        "seed=1, judge.threshold=0.5",
        "seed=1, judge.threshold=0.6",
        "seed=2, judge.threshold=0.5",
        "seed=2, judge.threshold=0.6",
    ]
    assert points[3].overrides == ("seed=2", "teacher=local", "judge.threshold=0.6")
    assert [point.index for point in points] == [0, 1, 2, 3]


def test_a_range_of_floats_has_no_dust() -> None:
    points = expand(["judge.threshold=range(0.6,0.91,0.1)"])
    assert [point.swept["judge.threshold"] for point in points] == ["0.6", "0.7", "0.8", "0.9"]


@pytest.mark.parametrize("value", ["0.5", "12345678901234567890", "text", "0.1234567"])
def test_a_value_that_a_person_would_type_is_left_alone(value: str) -> None:
    assert rounded(value) == value


def test_nothing_swept_is_told() -> None:
    with pytest.raises(ConfigError, match="several values"):
        expand(["seed=1"])


def test_an_interval_cannot_be_listed() -> None:
    with pytest.raises(ConfigError, match="can be listed"):
        expand(["judge.threshold=interval(0,1)"])


def test_a_folder_name_holds_no_separator() -> None:
    point = Point(index=3, swept={"seeds.path": "a/../b c"}, overrides=())
    folder = point.folder(Path("out"))
    assert folder.parent == Path("out")
    assert folder.name == "3_seeds.path=a_.._b_c"


def test_the_smallest_dataset_within_one_standard_error_is_chosen() -> None:
    # One standard error of 0.90 over 300 items is 0.0173.
    choice = choose([result(0, 400, 0.900), result(1, 200, 0.884), result(2, 100, 0.870)])
    assert choice is not None
    assert choice.index == 1
    assert "200 rows" in choice.reason


def test_the_best_is_chosen_where_nothing_smaller_comes_near() -> None:
    choice = choose([result(0, 400, 0.9), result(1, 200, 0.7)])
    assert choice is not None
    assert choice.index == 0
    assert "no smaller dataset" in choice.reason


def test_of_equals_the_smaller_dataset_is_the_best() -> None:
    choice = choose([result(0, 400, 0.9), result(1, 300, 0.9)])
    assert choice is not None
    assert choice.index == 1


def test_without_an_evaluation_nothing_is_chosen() -> None:
    assert choose([result(0, 400, None), result(1, 300, None)]) is None

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pydantic
import pytest

from distill.component import Count, PositiveFloat, Share, Texts, component, is_component


@component
class Sample:
    """A component of the tests' own."""

    share: Share
    count: Count | None
    names: Texts = ()


class Undecorated(Sample):
    """A subclass that no decorator has seen."""


def test_a_component_is_built_by_keyword_only() -> None:
    made = Sample(share=0.5, count=3)

    assert (made.share, made.count, made.names) == (0.5, 3, ())
    with pytest.raises(pydantic.ValidationError):
        Sample(0.5, 3)  # type: ignore[misc]


def test_a_component_cannot_be_changed() -> None:
    made = Sample(share=0.5, count=None)

    with pytest.raises(FrozenInstanceError):
        made.share = 0.6  # type: ignore[misc]


def test_the_ends_of_a_range_belong_to_it() -> None:
    assert [Sample(share=share, count=0).share for share in (0, 1, 0.0, 1.0)] == [0, 1, 0, 1]


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"share": 1.01, "count": 0}, id="above"),
        pytest.param({"share": -0.01, "count": 0}, id="below"),
        pytest.param({"share": float("nan"), "count": 0}, id="not a number"),
        pytest.param({"share": float("inf"), "count": 0}, id="infinite"),
        pytest.param({"share": "0.5", "count": 0}, id="text"),
        pytest.param({"share": True, "count": 0}, id="boolean"),
        pytest.param({"share": 0.5, "count": True}, id="boolean count"),
        pytest.param({"share": 0.5, "count": 1.0}, id="broken count"),
        pytest.param({"share": 0.5, "count": -1}, id="negative count"),
        pytest.param({"share": 0.5}, id="missing"),
        pytest.param({"share": 0.5, "count": 0, "more": 1}, id="unknown"),
        pytest.param({"share": 0.5, "count": 0, "names": "a"}, id="a text for a list"),
        pytest.param({"share": 0.5, "count": 0, "names": [1]}, id="a list of numbers"),
    ],
)
def test_values_are_checked_on_construction(values: dict[str, object]) -> None:
    with pytest.raises(pydantic.ValidationError):
        Sample(**values)  # type: ignore[arg-type]


def test_a_list_becomes_a_tuple_so_that_a_component_can_be_hashed() -> None:
    made = Sample(share=0.5, count=None, names=["a", "b"])  # type: ignore[arg-type]

    assert made.names == ("a", "b")
    assert hash(made) == hash(Sample(share=0.5, count=None, names=("a", "b")))


def test_only_the_decorated_class_itself_is_a_component() -> None:
    assert is_component(Sample)
    assert not is_component(Undecorated)
    assert not is_component(Sample(share=0.5, count=None))
    for other in (int, open, "Sample", None, PositiveFloat):
        assert not is_component(other)

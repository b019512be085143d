from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta

import pytest

from distill.errors import ModelError
from distill.models.pins import (
    KNOWN_PINS,
    RetirementWarning,
    is_claude_alias,
    is_moving_tag,
    pin_hint,
    warn_of_retirement,
)


@pytest.mark.parametrize(
    ("model", "alias"),
    [
        ("claude-opus-4-5", True),
        ("claude-sonnet-4-5", True),
        ("claude-haiku-4-5", True),
        ("claude-opus-4-1", True),
        ("claude-opus-4-0", True),
        ("claude-sonnet-4", True),
        ("claude-3-5-haiku-latest", True),
        ("claude-3-7-sonnet-latest", True),
        ("claude-opus-4-5-20251101", False),
        ("claude-opus-4-5@20251101", False),
        ("claude-3-5-haiku-20241022", False),
        ("claude-opus-4-6", False),
        ("claude-sonnet-4-6", False),
        ("claude-opus-5", False),
        ("claude-opus-5-5", False),
        ("claude-haiku-5-5", False),
        ("claude-opus-10", False),
    ],
)
def test_an_id_is_a_pin_or_an_alias(model: str, alias: bool) -> None:
    assert is_claude_alias(model) == alias


@pytest.mark.parametrize(("alias", "pin"), KNOWN_PINS.items())
def test_a_known_alias_is_told_with_its_pin(alias: str, pin: str) -> None:
    assert is_claude_alias(alias)
    assert not is_claude_alias(pin)
    assert pin_hint(alias) == f"pin {pin}"


@pytest.mark.parametrize(
    ("model", "moves"),
    [
        ("llama3:latest", True),
        ("gemini-flash-latest", True),
        ("llama3:8b", False),
        ("gpt-5", False),
    ],
)
def test_a_moving_tag_of_another_provider_says_so_itself(model: str, moves: bool) -> None:
    assert is_moving_tag(model) == moves


def test_a_near_end_is_a_warning_with_its_date() -> None:
    soon = datetime.now(UTC) + timedelta(days=10)
    with pytest.warns(RetirementWarning, match=f"{soon:%Y-%m-%d}"):
        warn_of_retirement("teacher", "m", lifecycle="deprecated", retires_at=soon)


@pytest.mark.parametrize("days", [100, 10_000])
def test_a_far_end_or_none_is_silent(days: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        far = datetime.now(UTC) + timedelta(days=days)
        warn_of_retirement("teacher", "m", lifecycle="active", retires_at=far)
        warn_of_retirement("teacher", "m", lifecycle=None, retires_at=None)


def test_a_retired_model_is_an_error() -> None:
    with pytest.raises(ModelError, match=r"judge\.model: m is retired"):
        warn_of_retirement("judge", "m", lifecycle="retired", retires_at=None)

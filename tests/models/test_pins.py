from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta

import pytest

from distill.config import compose
from distill.errors import ModelError
from distill.models import Claude, OpenAICompatible
from distill.models.pins import (
    KNOWN_PINS,
    RetirementWarning,
    is_claude_alias,
    is_moving_tag,
    pin_hint,
    unpinned,
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
        ("latest", True),
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
        ("latest", True),
        ("llama3:LATEST", True),
        ("thelatest", False),
        ("llama3:8b", False),
        ("gpt-5", False),
    ],
)
def test_a_moving_tag_of_another_provider_says_so_itself(model: str, moves: bool) -> None:
    assert is_moving_tag(model) == moves


GATEWAY = "https://gateway.example/v1"


@pytest.mark.parametrize(
    ("choice", "base_url", "name", "why"),
    [
        ("claude", None, "gpt-4o", "begins with claude-"),
        ("claude", None, "CLAUDE-OPUS-4-5-20251101", "begins with claude-"),
        ("claude", "https://api.anthropic.com", "gpt-4o", "begins with claude-"),
        ("claude", None, "latest", "begins with claude-"),
        ("claude", GATEWAY, "latest", "an alias"),
        ("claude", None, "claude-opus-4-5", "an alias"),
        ("claude", GATEWAY, "gateway/opus", None),
        ("claude", None, "claude-opus-4-5-20251101", None),
        ("openai", None, "gpt-4o", "an alias"),
        ("openai", "https://api.openai.com/v1", "gpt-4o", "an alias"),
        ("openai", None, "chatgpt-4o-latest", "an alias"),
        ("openai", None, "gpt-4o-2024-11-20", None),
        ("openai", None, "gpt-4-0613", None),
        ("openai", None, "ft:gpt-4o-mini-2024-07-18:us::x1", None),
        ("openai", GATEWAY, "gpt-4o", None),
        ("openai", GATEWAY, "gpt-4o-latest", "an alias"),
        ("vllm", "http://127.0.0.1:8000/v1", "qwen3", None),
        ("ollama", "http://127.0.0.1:11434/v1", "llama3.1", "an alias"),
        ("ollama", "http://127.0.0.1:11434/v1", "llama3.1:latest", "an alias"),
        ("ollama", "http://127.0.0.1:11434/v1", "host:5000/library/llama3.1", "an alias"),
        ("ollama", "http://127.0.0.1:11434/v1", "llama3.1:8b", None),
    ],
)
def test_each_endpoint_has_names_that_are_no_pins(
    choice: str, base_url: str | None, name: str, why: str | None
) -> None:
    node = compose(["seeds.path=-", f"teacher={choice}", "teacher.model=x"])["teacher"]
    kind = {"Claude": Claude}.get(node.pop("_target_").rpartition(".")[2], OpenAICompatible)
    told = unpinned(kind(**(node | {"base_url": base_url, "model": name})))

    assert (told is None) == (why is None)
    assert told is None or (why is not None and why in told[0])


def test_an_untagged_name_is_mended_by_a_tag() -> None:
    node = compose(["seeds.path=-", "teacher=ollama", "teacher.model=llama3.1"])["teacher"]
    del node["_target_"]
    told = unpinned(OpenAICompatible(**node))
    assert told is not None
    assert "such as llama3.1:8b" in told[1]


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


def test_a_date_that_has_passed_is_told_as_past_and_stops() -> None:
    gone = datetime.now(UTC) - timedelta(days=3)
    with pytest.raises(ModelError, match=f"m was retired on {gone:%Y-%m-%d}"):
        warn_of_retirement("teacher", "m", lifecycle="deprecated", retires_at=gone)

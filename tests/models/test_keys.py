from __future__ import annotations

import pytest

from distill.models.keys import (
    NO_KEY,
    MissingKeyError,
    has_key,
    is_loopback,
    key_from_environment,
)

VARIABLE = "KEY_OF_THE_TESTS"


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:8080", True),
        ("http://localhost/v1", True),
        ("http://[::1]:80", True),
        ("https://api.example.com", False),
        ("https://localhost.example.com", False),
        ("https://127.0.0.1.example.com", False),
        (None, False),
    ],
)
def test_only_this_machine_is_loopback(url: str | None, local: bool) -> None:
    assert is_loopback(url) == local


def test_a_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "k")
    assert key_from_environment("teacher", VARIABLE, None) == "k"
    assert key_from_environment("teacher", VARIABLE, "http://127.0.0.1:1") == "k"


@pytest.mark.parametrize("value", [None, ""])
def test_a_key_that_is_not_set_is_told_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(VARIABLE, value)
    assert not has_key(VARIABLE, "https://api.example.com")
    with pytest.raises(MissingKeyError, match=VARIABLE) as caught:
        key_from_environment("judge", VARIABLE, None)
    assert str(caught.value).startswith("judge: ")
    assert caught.value.exit_status == 2


def test_no_key_is_needed_on_this_machine_or_where_none_is_wanted() -> None:
    assert key_from_environment("teacher", VARIABLE, "http://localhost:1") == NO_KEY
    assert key_from_environment("teacher", None, "https://api.example.com") == NO_KEY

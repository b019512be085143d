"""The tests' own Message Batches: a real HTTP server whose batches go as they are told."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from typing import Any

WAIT_S = 120
# What a request may come to beside a text.
EXPIRED, CANCELED = "expired", "canceled"


@dataclass(frozen=True)
class Errored:
    """An item that failed."""

    kind: str
    message: str = "as the script says"


@dataclass(frozen=True)
class Odd:
    """A result as it is, whatever it means."""

    result: Any


def prompt_of(params: Mapping[str, Any]) -> str:
    """Return the user's turn."""
    return str(params["messages"][-1]["content"])


def faithful(prompt: str, attempt: int) -> Any:
    """Return an answer that hangs on the question alone."""
    del attempt
    return f"An answer to: {prompt}"


@dataclass
class FakeBatches:
    """A running server.

    Args:
        answer: What a request comes to, by its prompt and how often it was submitted before.
        polls: How often a batch is looked at before it has ended.
        is_held: While set, no batch ends.
        refusals: Statuses of the next calls, by `create`, `state` or `results`; `None` is well.
        cut_results: Readings of results that end after the first.
        raw_unicode: Whether results are written without escapes.
        lost: Creations that are carried out and whose response is lost.
        dropped: Creations that are not carried out and whose response is lost.
        has_batches: Whether there are any here.
        listing: The status that the list is refused with, or `None`.
        hidden: How often the list is asked for before it tells of batches.
        page: Batches on a page of the list.
        too_many: Requests from which on a batch is too large, or `None`.
        too_many_bytes: Bytes above which a batch is too large, or `None`.
        gone: Whether the results of the first batch are no longer there.
        forgotten: Whether the first batch is not known.
        strange: Results that nobody asked for, added to those of each batch.
        moved: Whether results lie at another place.
        stands: Creations stand still until it is set.
        bodies: The requests of each batch as they came in.
        sizes: Bytes of each batch as it came in.
        calls: How often each call was made.
    """

    answer: Callable[[str, int], Any] = faithful
    polls: int = 1
    is_held: threading.Event = field(default_factory=threading.Event)
    refusals: dict[str, list[int | None]] = field(default_factory=dict)
    lost: int = 0
    dropped: int = 0
    has_batches: bool = True
    listing: int | None = None
    hidden: int = 0
    page: int = 100
    too_many: int | None = None
    too_many_bytes: int | None = None
    gone: bool = False
    forgotten: bool = False
    strange: list[Any] = field(default_factory=list)
    moved: bool = False
    stands: threading.Event | None = None
    bodies: list[list[dict[str, Any]]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    cut_results: int = 0
    raw_unicode: bool = False
    port: int = 0
    created: int = 0
    online: int = 0
    submitted: Counter[str] = field(default_factory=Counter)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.port}"

    def wait_until(self, held: Callable[[], bool], *, unless: Callable[[], object]) -> None:
        """Return when something holds of this server."""
        ends_at = monotonic() + WAIT_S
        with self._changed:
            while not held():
                assert unless() is None, "the process ended"
                assert monotonic() < ends_at, "it did not come to that"
                self._changed.wait(0.1)

    def is_too_large(self, requests: int, size: int) -> bool:
        """Say whether a batch is more than is taken at once."""
        too_many = self.too_many is not None and requests >= self.too_many
        return too_many or (self.too_many_bytes is not None and size > self.too_many_bytes)

    def called(self, call: str) -> None:
        """Count a call, and tell those who wait."""
        with self._changed:
            self.calls[call] += 1
            self._changed.notify_all()

    def refused(self, call: str) -> int | None:
        """Return the status that the next call is refused with."""
        with self._changed:
            told = self.refusals.get(call)
            return told.pop(0) if told else None

    def create(self, requests: list[dict[str, Any]]) -> dict[str, Any]:
        """Take a batch in."""
        with self._changed:
            self.created += 1
            batch_id = f"msgbatch_{self.created:04d}"
            results = []
            for request in requests:
                prompt = prompt_of(request["params"])
                told = self.answer(prompt, self.submitted[prompt])
                self.submitted[prompt] += 1
                result = _result(told, request["params"])
                results.append({"custom_id": request["custom_id"], "result": result})
            results.reverse()
            self.bodies.append(requests)
            self.batches[batch_id] = {"results": results, "polls": 0}
            self._changed.notify_all()
            return self.state(batch_id)

    def state(self, batch_id: str, *, looked: bool = False) -> dict[str, Any]:
        """Return a batch as the API does."""
        with self._changed:
            batch = self.batches[batch_id]
            batch["polls"] += looked
            self._changed.notify_all()
            ended = batch["polls"] >= self.polls and not self.is_held.is_set()
            total = len(batch["results"])
            return {
                "id": batch_id,
                "type": "message_batch",
                "processing_status": "ended" if ended else "in_progress",
                "created_at": "2035-01-01T00:00:00Z",
                "archived_at": None,
                "request_counts": {
                    "processing": 0 if ended else total,
                    "succeeded": total if ended else 0,
                },
                "results_url": f"{self.url}/v1/messages/batches/{batch_id}/results"
                if ended and not (self.gone and batch_id == "msgbatch_0001")
                else None,
            }


def _result(told: Any, params: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(told, Errored):
        error = {"type": "error", "error": {"type": told.kind, "message": told.message}}
        return {"type": "errored", "error": error}
    if told in (EXPIRED, CANCELED):
        return {"type": told}
    if isinstance(told, Odd):
        return told.result
    return {"type": "succeeded", "message": message(str(told), params)}


def message(text: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message, the grades filled in where a judge asks."""
    schema = ((params.get("output_config") or {}).get("format") or {}).get("schema")
    if schema:
        grades = {name: 5 for name in schema["properties"] if name != "reason"}
        text = json.dumps({"reason": "good"} | grades)
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": params["model"],
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 100, "output_tokens": 200},
    }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_words: object) -> None:
        pass

    @property
    def fake(self) -> FakeBatches:
        return self.server.fake  # type: ignore[attr-defined,no-any-return]

    def _send(self, body: Any, status: int = 200) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        if status == 429:
            self.send_header("retry-after", "0.05")
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _move(self) -> None:
        self.send_response(307)
        self.send_header("location", f"{self.fake.url}/elsewhere")
        self.send_header("content-length", "0")
        self.end_headers()

    def _refuse(self, status: int) -> None:
        error = {"type": "api_error", "message": "as the script says"}
        self._send({"type": "error", "error": error}, status)

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["content-length"]))
        body = json.loads(raw)
        if self.path.startswith("/v1/messages/batches"):
            return self._create(body["requests"], len(raw))
        self.fake.online += 1
        told = self.fake.answer(prompt_of(body), 0)
        return self._send(message(str(told), body))

    def _create(self, requests: list[dict[str, Any]], size: int) -> None:
        fake = self.fake
        fake.called("create")
        status = fake.refused("create")
        if not fake.has_batches:
            status = 404
        elif fake.is_too_large(len(requests), size):
            status = 413
        if status is not None:
            return self._refuse(status)
        if fake.dropped:
            fake.dropped -= 1
            return self._break_off()
        fake.sizes.append(size)
        made = fake.create(requests)
        if fake.stands is not None:
            fake.stands.wait(WAIT_S)
        if fake.lost:
            fake.lost -= 1
            return self._break_off()
        return self._send(made)

    def _break_off(self) -> None:
        self.close_connection = True

    def _list(self, query: str) -> None:
        fake = self.fake
        fake.called("list")
        if fake.listing is not None:
            return self._refuse(fake.listing)
        if fake.hidden:
            fake.hidden -= 1
            return self._send({"data": [], "has_more": False, "last_id": None})
        asked = dict(part.split("=") for part in query.split("&") if part)
        names = list(reversed(fake.batches))
        start = names.index(asked["after_id"]) + 1 if "after_id" in asked else 0
        some = names[start : start + fake.page]
        listed = [fake.state(batch_id, looked=True) for batch_id in some]
        more = start + len(some) < len(names)
        return self._send({"data": listed, "has_more": more, "last_id": some[-1] if some else None})

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if not path.startswith("/v1/messages/batches"):
            self.fake.called(path)
            return self._refuse(404)
        parts = path.split("/")[4:]
        if not parts:
            return self._list(query)
        call = "results" if len(parts) == 2 else "state"
        self.fake.called(call)
        if self.fake.forgotten and parts[0] == "msgbatch_0001":
            return self._refuse(404)
        if self.fake.moved:
            return self._move()
        status = self.fake.refused(call)
        if status is not None:
            return self._refuse(status)
        if call == "state":
            return self._send(self.fake.state(parts[0], looked=True))
        rows = [*self.fake.strange, *self.fake.batches[parts[0]]["results"]]
        if self.fake.cut_results:
            self.fake.cut_results -= 1
            rows = rows[:1]
        escaped = not self.fake.raw_unicode
        lines = [json.dumps(row, ensure_ascii=escaped) + "\n" for row in rows]
        return self._send("".join(lines).encode())


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_request: object) -> None:
        """Say nothing: connections are cut on purpose."""


@contextmanager
def serving_batches() -> Iterator[FakeBatches]:
    """Serve while the block runs."""
    fake = FakeBatches()
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.fake = fake  # type: ignore[attr-defined]
        fake.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield fake
        finally:
            server.shutdown()
            thread.join()

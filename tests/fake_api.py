"""The tests' own Messages API: a real HTTP server on the loopback address that behaves as told.

Behaviour is a plain function `(prompt, body, attempt) -> what to do`, where `attempt` counts the
requests of the same prompt from 0 and what to do is a text, a `Message`, a `Status`, a `Raw` body,
`CUT` (the connection is lost) or a `Hang`. A judge's request (one with a schema that asks for a
reason) is answered by filling the schema with the grades that `grade` gives. The chat completions
API of other providers is there too, over the same functions.
"""

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


@dataclass(frozen=True)
class Message:
    """A reply; `model` is the id that is said to be served, `None` for the one asked for.

    `first_token` has log-probabilities by token, told where the request asks for them.
    `input_tokens` are those beside the cached ones, as the API counts them.
    """

    text: str
    stop_reason: str = "end_turn"
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    first_token: Mapping[str, float] | None = None
    cache_write_tokens: int = 0
    cache_read_tokens: int = 0


@dataclass(frozen=True)
class Status:
    """An error with its HTTP status, in the envelope of the API."""

    code: int
    message: str = "as the script says"
    kind: str = "api_error"


@dataclass(frozen=True)
class Raw:
    """A body with status 200, as it is."""

    data: bytes


@dataclass(frozen=True)
class Hang:
    """No reply before the server is released; then the text."""

    text: str = "late"


CUT = object()
Told = Any
Script = Callable[[str, Mapping[str, Any], int], Told]


@dataclass(frozen=True)
class Seen:
    """One request as it came in."""

    kind: str
    path: str
    headers: Mapping[str, str]
    raw: bytes
    body: Mapping[str, Any]


def good_answer(prompt: str, body: Mapping[str, Any], attempt: int) -> str:
    """Return a long answer that repeats the words of the prompt: every filter keeps it."""
    del body, attempt
    words = prompt.split()
    return " ".join((words + ["thoroughly"] * 60)[: max(60, len(words))])


def top_grade(prompt: str, body: Mapping[str, Any], attempt: int) -> int:
    """Return the best grade."""
    del prompt, body, attempt
    return 5


def quarter_of_the_bytes(prompt: str, body: Mapping[str, Any], attempt: int) -> int:
    """Return a token for four bytes of a body."""
    del prompt, attempt
    return len(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()) // 4 + 1


@dataclass
class FakeApi:
    """A running server.

    Args:
        teacher: Script for requests without a judge's schema.
        grade: Script for a judge's requests: a grade for all dimensions, grades by name, or
            anything that `teacher` may return.
        counts: Script for what is only to be counted: its tokens, or a `Status`.
        models: What `GET /v1/models/ID` says beside the id; `None` answers 404.
            `GET /v1/models` lists the others.
    """

    teacher: Script = good_answer
    grade: Script = top_grade
    counts: Script = quarter_of_the_bytes
    models: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    model_status: int = 200
    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    max_in_flight: int = 0

    def __post_init__(self) -> None:
        """Make the counters; the server itself is started by `serving`."""
        self.released = threading.Event()
        self._changed = threading.Condition()
        self._counts: Counter[str] = Counter()
        self._attempts: Counter[tuple[str, str]] = Counter()
        self._in_flight = 0

    @property
    def url(self) -> str:
        """The base URL, without a path."""
        return f"http://127.0.0.1:{self.port}"

    def count(self, *kinds: str) -> int:
        """Count the requests of these kinds; all without one.

        Kinds are `teacher`, `judge`, `model` and `count`.
        """
        with self._changed:
            return sum(self._counts[kind] for kind in kinds or self._counts)

    def wait_for(self, kind: str, number: int, *, unless: Callable[[], object]) -> None:
        """Return when so many requests of a kind have come in.

        Args:
            kind: `teacher`, `judge` or `model`.
            number: How many.
            unless: Says with anything but `None` that no more will come.
        """
        ends_at = monotonic() + WAIT_S
        with self._changed:
            while self._counts[kind] < number:
                over = unless() is not None or monotonic() > ends_at
                assert not over, f"{self._counts[kind]} of {number} {kind} requests came in"
                self._changed.wait(0.2)

    def bodies(self, kind: str) -> list[Mapping[str, Any]]:
        """Return the bodies of the requests of a kind, as they came in."""
        return [seen.body for seen in self.seen if seen.kind == kind]

    def prompts(self, kind: str) -> list[str]:
        """Return the user turns of the requests of a kind."""
        return [prompt_of(body) for body in self.bodies(kind)]

    def forget(self) -> None:
        """Set all counters back."""
        with self._changed:
            self._counts.clear()
            self._attempts.clear()
            self.seen.clear()
            self.max_in_flight = 0

    def note(self, seen: Seen) -> int:
        """Count a request; return how often its prompt came before."""
        with self._changed:
            self.seen.append(seen)
            self._counts[seen.kind] += 1
            which = (seen.kind, prompt_of(seen.body))
            attempt = self._attempts[which]
            self._attempts[which] += 1
            self._changed.notify_all()
        return attempt

    @contextmanager
    def in_flight(self) -> Iterator[None]:
        """Count the block as a request in flight."""
        with self._changed:
            self._in_flight += 1
            self.max_in_flight = max(self.max_in_flight, self._in_flight)
        try:
            yield
        finally:
            with self._changed:
                self._in_flight -= 1

    def told(self, seen: Seen, attempt: int) -> Told:
        """Return what the script wants for a request."""
        prompt = prompt_of(seen.body)
        if seen.kind != "judge":
            return self.teacher(prompt, seen.body, attempt)
        grade = self.grade(prompt, seen.body, attempt)
        return Message(json.dumps(filled(seen.body, grade))) if _is_grade(grade) else grade


def _is_grade(value: Any) -> bool:
    return isinstance(value, int | dict)


def schema_of(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the JSON schema that a request is bound by, in either API."""
    named = (body.get("response_format") or {}).get("json_schema")
    if named:
        return dict(named["schema"])
    config = body.get("output_config") or {}
    return (config.get("format") or {}).get("schema")  # type: ignore[no-any-return]


def filled(body: Mapping[str, Any], grade: int | Mapping[str, int]) -> dict[str, Any]:
    """Fill a judge's schema: grades for the enums, words for the texts."""
    properties = (schema_of(body) or {})["properties"]
    return {
        name: "as the script says"
        if rule.get("type") == "string"
        else grade[name]
        if isinstance(grade, Mapping)
        else grade
        for name, rule in properties.items()
    }


def prompt_of(body: Mapping[str, Any]) -> str:
    """Return the last user turn."""
    turns = body.get("messages") or [{"content": ""}]
    return str(turns[-1]["content"])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_args: Any) -> None:
        """Keep the tests' output clean."""

    def do_GET(self) -> None:
        api = self.server.api
        api.note(Seen("model", self.path, dict(self.headers), b"", {}))
        name = self.path.partition("?")[0].rpartition("/models/")[2]
        about = api.models.get(name, {})
        if api.model_status != 200:
            self._error(Status(api.model_status))
        elif self.path.partition("?")[0].endswith("/models"):
            names = [name for name, about in api.models.items() if about is not None]
            cards = [{"id": name, "type": "model", "display_name": name} for name in names]
            self._json(200, {"data": cards, "has_more": False, "first_id": None, "last_id": None})
        elif about is None:
            self._error(Status(404, name, "not_found_error"))
        else:
            card = {"id": name, "type": "model", "display_name": name, "lifecycle": "active"}
            self._json(200, {**card, "created_at": "2026-01-01T00:00:00Z", **about})

    def do_POST(self) -> None:
        api = self.server.api
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        body = json.loads(raw)
        properties = (schema_of(body) or {}).get("properties", {})
        kind = "judge" if "reason" in properties else "teacher"
        if self.path.partition("?")[0].endswith("/count_tokens"):
            self._count(Seen("count", self.path, dict(self.headers), raw, body))
            return
        seen = Seen(kind, self.path, dict(self.headers), raw, body)
        with api.in_flight():
            told = api.told(seen, api.note(seen))
            if isinstance(told, Hang):
                api.released.wait(WAIT_S)
                told = told.text
        self._answer(told, seen)

    def _count(self, seen: Seen) -> None:
        api = self.server.api
        told = api.counts(prompt_of(seen.body), seen.body, api.note(seen))
        if isinstance(told, Status):
            self._error(told)
        else:
            self._json(200, {"input_tokens": told})

    def _answer(self, told: Told, seen: Seen) -> None:
        if told is CUT:
            self.close_connection = True
        elif isinstance(told, Status):
            self._error(told)
        elif isinstance(told, Raw):
            self._send(200, told.data)
        else:
            message = told if isinstance(told, Message) else Message(told)
            as_json = _chat if seen.path.endswith("/chat/completions") else _message
            self._json(200, as_json(message, seen))

    def _error(self, status: Status) -> None:
        error = {"type": status.kind, "message": status.message}
        self._json(status.code, {"type": "error", "error": error, "request_id": "req_fake"})

    def _json(self, code: int, value: Any) -> None:
        self._send(code, json.dumps(value).encode())

    def _send(self, code: int, data: bytes) -> None:
        try:
            self.send_response(code)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.send_header("request-id", "req_fake")
            self.end_headers()
            self.wfile.write(data)
        except OSError:  # a client that was killed reads no more
            self.close_connection = True


def _tokens(message: Message, seen: Seen) -> tuple[int, int]:
    asked, said = message.input_tokens, message.output_tokens
    return (
        len(seen.raw) // 4 + 1 if asked is None else asked,
        len(message.text) // 4 + 1 if said is None else said,
    )


def _message(message: Message, seen: Seen) -> dict[str, Any]:
    asked, said = _tokens(message, seen)
    return {
        "id": "msg_fake",
        "type": "message",
        "role": "assistant",
        "model": message.model or seen.body["model"],
        "content": [{"type": "text", "text": message.text}] if message.text else [],
        "stop_reason": message.stop_reason,
        "stop_sequence": None,
        "usage": {
            "input_tokens": asked,
            "output_tokens": said,
            "cache_creation_input_tokens": message.cache_write_tokens,
            "cache_read_input_tokens": message.cache_read_tokens,
        },
    }


def _chat(message: Message, seen: Seen) -> dict[str, Any]:
    asked, said = _tokens(message, seen)
    reasons = {"end_turn": "stop", "max_tokens": "length", "refusal": "content_filter"}
    choice: dict[str, Any] = {
        "index": 0,
        "message": {"role": "assistant", "content": message.text},
        "finish_reason": reasons[message.stop_reason],
    }
    if seen.body.get("logprobs") and message.first_token is not None:
        alternatives = [{"token": t, "logprob": p} for t, p in message.first_token.items()]
        drawn = alternatives[0] | {"top_logprobs": alternatives[: seen.body["top_logprobs"]]}
        choice["logprobs"] = {"content": [drawn]}
    return {
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "created": 0,
        "model": message.model or seen.body["model"],
        "choices": [choice],
        "usage": {
            "prompt_tokens": asked,
            "completion_tokens": said,
            "total_tokens": asked + said,
        },
    }


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, api: FakeApi) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.api = api

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of connections that a killed client left."""


@contextmanager
def serving() -> Iterator[FakeApi]:
    """Serve a fake API while the block runs."""
    api = FakeApi()
    with _Server(api) as server:
        api.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield api
        finally:
            api.released.set()
            server.shutdown()
            thread.join()

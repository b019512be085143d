"""The child process: a Messages API for one model on the loopback address.

The official SDK is its client, so that the path without a key is the path with one. What it serves
of the API: `POST /v1/messages`, also streamed (the events of the finished reply),
`POST /v1/messages/count_tokens`, `GET /v1/models` and `GET /v1/models/{id}`; the rest is a 404.
Beside it, of OpenAI's API, `POST /v1/chat/completions`: see `distill.models.llama.chat_wire`.

Beyond the API, in the body of `/v1/messages`:

- `seed`: an integer; the same request with the same seed gets the same text. Without it a seed is
  drawn. `temperature` 1, the default as in the API, draws from the model's whole distribution.
- `label_scores`: two or more distinct labels, in place of writing freely. The reply's text is the
  likeliest label, and its `label_logprobs` has the natural-log probability of every label,
  normalised over them: see `distill.models.llama.labels`. Nothing is drawn, so temperature, seed
  and max_tokens have no effect; JSON schema and stop sequences are refused beside it.

Otherwise as in the API, with these edges: a reply that fills the context ends with `max_tokens`;
`usage.input_tokens` counts the whole prompt and the cache fields are 0, because what a slot still
holds depends on what ran before, and a count of the ledger must not.

Only this machine gets in: the socket is on 127.0.0.1, a `Host` header of another name is refused
(a web page could otherwise reach it through a name of its own), and each call needs the key that
came through stdin, where one did. The process ends when stdin ends, so it cannot outlive who
started it.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from distill.models.llama.answering import Answering, LlamaAnswers, StudentAnswers
from distill.models.llama.backend import HOST, ChildSettings
from distill.models.llama.chat_wire import chat_body, chat_events, read_chat
from distill.models.llama.gate import Guard, read_body, tell_error, while_connected
from distill.models.llama.wire import (
    ApiError,
    message_body,
    message_events,
    not_found,
    read_count,
    read_messages,
)

STDIN_POLL_S = 1.0
BACKLOG = 2048
# Longer than clients keep idle connections: it is they who close, and never under a request.
KEEP_ALIVE_S = 120


class Api:
    """The routes.

    Args:
        settings: Of the child: the id that is served and what it is called.
        answers: Who answers.
    """

    def __init__(self, settings: ChildSettings, answers: Answering) -> None:
        self._model = settings.model
        self._display_name = settings.display_name
        self._reply_tokens = settings.reply_tokens or answers.most_tokens
        self._answers = answers

    def app(self) -> Starlette:
        """Return the ASGI app."""

        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            async with self._answers:
                yield

        return Starlette(
            routes=[
                Route("/v1/messages", self.messages, methods=["POST"]),
                Route("/v1/messages/count_tokens", self.count_tokens, methods=["POST"]),
                Route("/v1/chat/completions", self.chat, methods=["POST"]),
                Route("/v1/models", self.models, methods=["GET"]),
                Route("/v1/models/{model_id:path}", self.model, methods=["GET"]),
            ],
            exception_handlers={
                ApiError: tell_error,
                HTTPException: tell_error,
                Exception: tell_error,
            },
            lifespan=lifespan,
        )

    async def messages(self, request: Request) -> Response:
        """`POST /v1/messages`."""
        asked = read_messages(await read_body(request))
        self._check_model(asked.model)
        done = await while_connected(request, self._answers.complete(asked))
        message = message_body(asked.model, done)
        if asked.stream:
            return Response(b"".join(message_events(message)), media_type="text/event-stream")
        return JSONResponse(message)

    async def chat(self, request: Request) -> Response:
        """`POST /v1/chat/completions`."""
        wanted = read_chat(await read_body(request))
        self._check_model(wanted.model)
        asked = wanted.asked(most_tokens=self._reply_tokens)
        done = await while_connected(request, self._answers.complete(asked))
        body = chat_body(asked.model, done)
        if wanted.stream:
            usage = wanted.stream_options is not None and wanted.stream_options.include_usage
            events = b"".join(chat_events(body, usage=usage))
            return Response(events, media_type="text/event-stream")
        return JSONResponse(body)

    async def count_tokens(self, request: Request) -> Response:
        """`POST /v1/messages/count_tokens`."""
        asked = read_count(await read_body(request))
        self._check_model(asked.model)
        return JSONResponse({"input_tokens": await self._answers.count(asked)})

    async def models(self, request: Request) -> Response:
        """`GET /v1/models`."""
        return JSONResponse(
            {
                "object": "list",
                "data": [self._info()],
                "has_more": False,
                "first_id": self._model,
                "last_id": self._model,
            }
        )

    async def model(self, request: Request) -> Response:
        """`GET /v1/models/{id}`."""
        self._check_model(request.path_params["model_id"])
        return JSONResponse(self._info())

    def _info(self) -> dict[str, Any]:
        most = self._answers.most_tokens
        return {
            "type": "model",
            "id": self._model,
            "display_name": self._display_name,
            # The API's own value for a date that is not known.
            "created_at": "1970-01-01T00:00:00Z",
            "lifecycle": "active",
            "deprecated_at": None,
            "retires_at": None,
            "max_input_tokens": most,
            "max_tokens": most,
            # The same as OpenAI's API tells it.
            "object": "model",
            "created": 0,
            "owned_by": "distill",
        }

    def _check_model(self, model: str) -> None:
        if model != self._model:
            raise not_found(f"model: {model}")


def answering(settings: ChildSettings) -> Answering:
    """Return who answers, loaded."""
    if settings.engine is not None:
        return LlamaAnswers(settings.engine, settings.chat)
    if settings.student is None:
        raise ValueError("neither an engine nor a student is named")
    return StudentAnswers(settings.student)


def _end_with_parent(stdin: int, parent: int) -> None:
    """End the process when stdin ends, or when a fork of the parent is all that holds it open."""
    while os.getppid() == parent:
        ready, _, _ = select.select([stdin], [], [], STDIN_POLL_S)
        if ready and not os.read(stdin, 4096):
            break
    # Nobody is left to answer to, and llama.cpp's threads need no farewell.
    os._exit(0)


def main() -> None:
    """Read the settings from stdin, load the model, print the port, serve until stdin ends."""
    parent = os.getppid()
    settings = ChildSettings.model_validate_json(sys.stdin.buffer.readline())
    threading.Thread(
        target=_end_with_parent, args=(sys.stdin.fileno(), parent), daemon=True
    ).start()
    # Whatever else prints does not belong into the one line that the parent reads.
    announce = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        listening = socket.create_server((HOST, settings.port), backlog=BACKLOG)
    except OSError as error:
        # Without a stack: another program has the port, and the parent shows this line.
        sys.exit(f"port {settings.port}: {error.strerror}")
    answers = answering(settings)
    port = listening.getsockname()[1]
    app = Guard(Api(settings, answers).app(), api_key=settings.api_key, port=port)
    config = uvicorn.Config(
        app,
        log_level="error",
        access_log=False,
        lifespan="on",
        loop="asyncio",
        http="h11",
        timeout_keep_alive=KEEP_ALIVE_S,
    )
    with announce:
        print(json.dumps({"port": port}), file=announce, flush=True)
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()

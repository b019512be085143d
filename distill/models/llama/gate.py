"""At the door of the adapter: who may call, how much they may send, and how an error is told."""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Awaitable, MutableMapping
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from distill.models.llama.backend import HOST
from distill.models.llama.chat_wire import error_body
from distill.models.llama.wire import ApiError

MAX_BODY_BYTES = 4 * 2**20
# A body that is too long is read up to here, so that its sender gets the answer and no broken pipe.
MAX_DRAINED_BYTES = 64 * 2**20
KINDS = {401: "authentication_error", 403: "permission_error", 404: "not_found_error"}

# Where OpenAI's chat API is, whose errors have an envelope of their own.
CHAT_PATH = "/v1/chat/"

T = TypeVar("T")


class Guard:
    """Give each call a request id, and turn away who may not call.

    Args:
        app: What is guarded.
        api_key: The key, or `None` where everyone on this machine may call.
        port: The port, part of the `Host` header.
    """

    def __init__(self, app: ASGIApp, *, api_key: str | None, port: int) -> None:
        self._app = app
        self._key = None if api_key is None else api_key.encode()
        self._hosts = {f"{name}:{port}".encode() for name in (HOST, "localhost")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = f"req_{secrets.token_hex(12)}"
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"request-id", request_id.encode()),
                    (b"x-request-id", request_id.encode()),
                ]
            await send(message)

        refusal = self._refusal(dict(scope["headers"]))
        path = str(scope["path"])
        app = self._app if refusal is None else _error_response(request_id, refusal, path)
        await app(scope, receive, send_with_id)

    def _refusal(self, headers: dict[bytes, bytes]) -> ApiError | None:
        if headers.get(b"host") not in self._hosts:
            return ApiError(403, "permission_error", f"the Host header must name {HOST}")
        origin = headers.get(b"origin")
        if origin is not None and origin.rpartition(b"//")[2] not in self._hosts:
            # A browser lets a page of any origin send, though not read, and there may be no key.
            return ApiError(403, "permission_error", "a web page of another origin may not call")
        if self._key is None:
            return None
        scheme, _, bearer = headers.get(b"authorization", b"").partition(b" ")
        given = bearer if scheme.lower() == b"bearer" else headers.get(b"x-api-key", b"")
        if not hmac.compare_digest(given, self._key):
            return ApiError(401, "authentication_error", "invalid API key")
        return None


async def read_body(request: Request) -> bytes:
    """Return the request's body.

    Raises:
        ApiError: 413, it is longer than `MAX_BODY_BYTES`.
    """
    body = bytearray()
    read = 0
    async for chunk in request.stream():
        read += len(chunk)
        if read <= MAX_BODY_BYTES:
            body += chunk
        elif read > MAX_DRAINED_BYTES:
            break
    if read > MAX_BODY_BYTES:
        raise ApiError(413, "request_too_large", f"want a body of at most {MAX_BODY_BYTES} bytes")
    return bytes(body)


async def while_connected(request: Request, work: Awaitable[T]) -> T:
    """Return the result of `work`; drop the work when its client has gone."""

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    working, watching = asyncio.ensure_future(work), asyncio.ensure_future(gone())
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ApiError(499, "api_error", "the client closed the connection")
        return working.result()
    finally:
        working.cancel()
        watching.cancel()


async def tell_error(request: Request, error: Exception) -> Response:
    """Answer with the API's envelope; what is not ours to tell is an `api_error`."""
    if isinstance(error, HTTPException):
        kind = KINDS.get(error.status_code, "invalid_request_error")
        error = ApiError(
            error.status_code, kind, f"{error.detail}: {request.method} {request.url.path}"
        )
    elif not isinstance(error, ApiError):
        error = ApiError(500, "api_error", "internal server error")
    return _error_response(request.state.request_id, error, request.url.path)


def _error_response(request_id: str, error: ApiError, path: str) -> JSONResponse:
    if path.startswith(CHAT_PATH):
        return JSONResponse(error_body(error.kind, error.message), status_code=error.status)
    body = {
        "type": "error",
        "error": {"type": error.kind, "message": error.message},
        "request_id": request_id,
    }
    return JSONResponse(body, status_code=error.status)

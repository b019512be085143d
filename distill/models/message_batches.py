"""Anthropic's Message Batches: half the price, results within a day.

The SDK gives connections, auth and errors. Bodies are sent and read raw: a full batch is a quarter
of a gigabyte, and neither it nor its results are ever held as objects.

Source: Anthropic's platform documentation, "Batch processing", read November 2026: at most 100,000
requests or 256 MB a batch; ids of at most 64 letters, digits, `-` and `_`; results in any order,
for 29 days.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Any

from distill.models.batch_api import (
    BatchResult,
    BatchState,
    BatchTooLargeError,
    LostBatchError,
    NoBatchError,
    moment,
)
from distill.models.message_batch_results import lines, result_of
from distill.models.messages_api import told
from distill.models.protocol import FailedRequestError

MAX_REQUESTS = 100_000
MAX_BYTES = 256 * 10**6
PATH = "/v1/messages/batches"
JSON_HEADERS = {"content-type": "application/json"}
LISTED, MOST_PAGES = 100, 1000
# What an endpoint that has no batches says; 404 is also what it says of an unknown one.
NO_BATCHES = frozenset({404, 405, 501})
TOO_LARGE = 413
# A refusal says for certain that a batch was not taken, but for one that came too late to be sure.
REFUSALS, TOO_LATE, OVERLOADED = range(300, 500), 408, 529
# Goes into a path and onto the terminal.
BATCH_ID = re.compile(r"[A-Za-z0-9_.:-]{1,200}")
HEAD, TAIL = b'{"requests":[', b"]}"


class MessageBatchBody:
    """The bytes of a Message Batch; its requests are the very texts that keys were made of."""

    def __init__(self) -> None:
        self._written = io.BytesIO()
        self._written.write(HEAD)

    @property
    def size(self) -> int:
        """How many bytes would be sent."""
        return self._written.tell() + len(TAIL)

    def add(self, custom_id: str, request: str, *, max_bytes: int) -> bool:
        """Add a request; say no where more than `max_bytes` would be sent."""
        is_first = self._written.tell() == len(HEAD)
        comma = "" if is_first else ","
        part = f'{comma}{{"custom_id":{json.dumps(custom_id)},"params":{request}}}'.encode()
        if not is_first and self.size + len(part) > max_bytes:
            return False
        self._written.write(part)
        return True

    def finish(self) -> bytes:
        """Return what is to be sent; the buffer is handed over without a copy."""
        self._written.write(TAIL)
        return self._written.getvalue()


class MessageBatches:
    """The batches of one key.

    Args:
        client: The SDK's asynchronous client, which makes one attempt.
    """

    max_requests = MAX_REQUESTS
    max_bytes = MAX_BYTES

    def __init__(self, client: Any) -> None:
        self._client = client

    def body(self) -> MessageBatchBody:
        """Return a body without requests."""
        return MessageBatchBody()

    async def create(self, body: bytes) -> str:
        """Send a batch."""
        import httpx2

        with _told(sending=True):
            response = await self._client.post(
                PATH, content=body, options={"headers": JSON_HEADERS}, cast_to=httpx2.Response
            )
        try:
            return _id(_json(response.content))
        except FailedRequestError as error:
            # The status said success.
            raise LostBatchError(error.detail, retry=True) from error

    async def state(self, batch_id: str) -> BatchState:
        """Say where a batch is."""
        return _state(await self._get(f"{PATH}/{batch_id}"))

    async def results(self, batch_id: str) -> AsyncGenerator[BatchResult, None]:
        """Yield the results, line by line as they come in."""
        import httpx2

        # Not at the address that the batch names: behind a gateway it is the provider's own.
        path = f"{PATH}/{batch_id}/results"
        with _told():
            response = await self._client.get(path, cast_to=httpx2.Response, stream=True)
            try:
                async for line in lines(response.aiter_bytes()):
                    yield result_of(line)
            finally:
                await response.aclose()

    async def since(self, created_at: str) -> list[BatchState]:
        """Return the newer batches; the newest are listed first."""
        found: list[BatchState] = []
        path = f"{PATH}?limit={LISTED}"
        for _ in range(MOST_PAGES):
            page = await self._get(path)
            listed = page.get("data") if isinstance(page, dict) else None
            if not isinstance(listed, list):
                raise FailedRequestError("no list of batches", retry=True)
            states = [_state(body) for body in listed]
            newer = [state for state in states if moment(state.created_at) >= moment(created_at)]
            found += newer
            if not states or not page.get("has_more") or len(newer) < len(states):
                break
            path = f"{PATH}?limit={LISTED}&after_id={states[-1].batch_id}"
        return found

    async def _get(self, path: str) -> Any:
        import httpx2

        with _told():
            response = await self._client.get(path, cast_to=httpx2.Response)
        return _json(response.content)


@contextmanager
def _told(*, sending: bool = False) -> Iterator[None]:
    """Turn the SDK's errors into ours.

    Args:
        sending: Whether something may have been done at the other end all the same.
    """
    import httpx2
    from anthropic import APIError

    try:
        yield
    except (APIError, httpx2.HTTPError, httpx2.StreamError) as error:
        status = getattr(error, "status_code", None)
        failed = told(error)
        if status in NO_BATCHES:
            raise NoBatchError(failed.detail) from error
        if status == TOO_LARGE:
            raise BatchTooLargeError(failed.detail) from error
        if sending and not _is_refusal(status) and not _is_unreached(error):
            raise LostBatchError(
                failed.detail, retry=True, retry_after_s=failed.retry_after_s
            ) from error
        raise failed from error


def _is_refusal(status: int | None) -> bool:
    return status == OVERLOADED or (status in REFUSALS and status != TOO_LATE)


def _is_unreached(error: BaseException | None) -> bool:
    """Say whether no connection was made; the SDK's own errors tell a lost one by the same name."""
    import aiohttp

    while error is not None:
        if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
            return True
        error = error.__cause__
    return False


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise FailedRequestError("the reply is not JSON", retry=True) from error


def _id(body: Any) -> str:
    batch_id = body.get("id") if isinstance(body, dict) else None
    if not isinstance(batch_id, str) or not BATCH_ID.fullmatch(batch_id):
        raise FailedRequestError("no Message Batch: it has no usable id", retry=True)
    return batch_id


def _state(body: Any) -> BatchState:
    try:
        moment(body["created_at"])
        return BatchState(
            batch_id=_id(body),
            created_at=body["created_at"],
            total=sum(int(count) for count in body["request_counts"].values()),
            has_ended=body["processing_status"] == "ended",
            has_results=bool(body.get("results_url")) and not body.get("archived_at"),
        )
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise FailedRequestError(f"no Message Batch: {error!r}", retry=True) from error

"""Anthropic's Message Batches: half the price, results within a day.

Source: Anthropic's platform documentation, "Batch processing", read November 2026: at most 100,000
requests or 256 MB a batch; ids of at most 64 letters, digits, `-` and `_`; results in any order,
for 29 days.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from distill.models.batch_api import BatchResult, BatchState
from distill.models.messages_api import told
from distill.models.protocol import FailedRequestError

MAX_REQUESTS = 100_000
# The API's limit is 256 MB; what is not request counts too.
MAX_BYTES = 250 * 10**6
PATH = "/v1/messages/batches"
JSON_HEADERS = {"content-type": "application/json"}
LISTED = 100
# What asking again cannot mend; the provider does not bill it.
BAD_REQUEST = frozenset({"invalid_request_error", "not_found_error", "request_too_large"})


class MessageBatches:
    """The batches of one key.

    Args:
        client: The SDK's asynchronous client.
    """

    max_requests = MAX_REQUESTS
    max_bytes = MAX_BYTES

    def __init__(self, client: Any) -> None:
        self._client = client

    async def create(self, items: Sequence[tuple[str, str]]) -> str:
        """Send a batch; the requests are the very texts that their keys were made from."""
        listed = ",".join(
            f'{{"custom_id":{json.dumps(custom_id)},"params":{request}}}'
            for custom_id, request in items
        )
        made = await self._call("post", PATH, content=f'{{"requests":[{listed}]}}'.encode())
        return str(made["id"])

    async def state(self, batch_id: str) -> BatchState:
        """Say where a batch is."""
        return _state(await self._call("get", f"{PATH}/{batch_id}"))

    async def results(self, batch_id: str) -> AsyncIterator[BatchResult]:
        """Yield the results, line by line as they come in."""
        import httpx2
        from anthropic import APIError

        batches = self._client.messages.batches
        try:
            async with batches.with_streaming_response.results(batch_id) as response:
                async for line in _lines(response.iter_bytes()):
                    yield _result(line)
        except APIError as error:
            raise told(error) from error
        except httpx2.HTTPError as error:
            detail = f"the results broke off, {type(error).__name__}"
            raise FailedRequestError(detail, retry=True) from error

    async def since(self, created_at: str) -> list[BatchState]:
        """Return the newer batches, as far as the provider lists any."""
        found: list[BatchState] = []
        path = f"{PATH}?limit={LISTED}"
        while True:
            try:
                page = await self._call("get", path)
            except FailedRequestError as error:
                if error.retry:
                    raise
                return found  # an endpoint without a list says nothing about its batches
            states = [_state(body) for body in page.get("data") or ()]
            newer = [state for state in states if _moment(state.created_at) >= _moment(created_at)]
            found += newer
            if not page.get("has_more") or len(newer) < len(states) or not states:
                return found
            path = f"{PATH}?limit={LISTED}&after_id={page['last_id']}"

    async def _call(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        import httpx2
        from anthropic import APIError

        send = getattr(self._client, method)
        if more:
            more["options"] = {"headers": JSON_HEADERS}
        try:
            response = await send(path, cast_to=httpx2.Response, **more)
            body: dict[str, Any] = json.loads(response.content)
        except APIError as error:
            raise told(error) from error
        except ValueError as error:
            raise FailedRequestError("the reply is not JSON", retry=True) from error
        return body


def _state(body: dict[str, Any]) -> BatchState:
    try:
        counts = body["request_counts"]
        return BatchState(
            batch_id=str(body["id"]),
            created_at=str(body["created_at"]),
            total=sum(int(count) for count in counts.values()),
            processing=int(counts.get("processing", 0)),
            has_ended=body["processing_status"] == "ended",
            has_results=bool(body.get("results_url")) and not body.get("archived_at"),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise FailedRequestError(f"no Message Batch: {error!r}") from error


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield whole lines; an answer may hold every other sign that ends a line in a text."""
    rest = b""
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if line.strip():
                yield line
    if rest.strip():
        yield rest


def _result(line: bytes) -> BatchResult:
    custom_id = ""
    try:
        told_of = json.loads(line)
        custom_id, result = str(told_of["custom_id"]), told_of["result"]
        kind = str(result["type"])
        if kind == "succeeded":
            return BatchResult(custom_id=custom_id, body=dict(result["message"]))
        error = (result.get("error") or {}).get("error") or {}
        cause, message = str(error.get("type", "")), str(error.get("message", ""))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        # It is told of this one alone: the others of its batch are sound.
        return BatchResult(custom_id=custom_id, detail=f"no result of a batch: {error!r}")
    detail = ", ".join(part for part in (f"batch item {kind}", cause, message) if part)
    return BatchResult(custom_id=custom_id, detail=detail, retry=cause not in BAD_REQUEST)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))

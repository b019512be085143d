"""Reads the results of a Message Batch off the wire, line by line."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from distill.models.batch_api import BatchResult

# What asking again cannot mend; the provider does not bill it.
BAD_REQUEST = frozenset({"invalid_request_error", "not_found_error", "request_too_large"})
SHOWN_CHARS = 500


async def lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield whole lines; an answer may hold every other sign that ends a line in a text."""
    rest = bytearray()
    async for chunk in chunks:
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            rest += chunk[start:end]
            if rest.strip():
                yield bytes(rest)
            rest.clear()
            start = end + 1
        rest += chunk[start:]
    if rest.strip():
        yield bytes(rest)


def result_of(line: bytes) -> BatchResult:
    """Read one line; what makes no sense is a request that failed."""
    custom_id = ""
    try:
        told_of = json.loads(line)
        custom_id, result = str(told_of["custom_id"]), told_of["result"]
        kind = str(result["type"])
        if kind == "succeeded":
            # What is no message was billed all the same: whoever reads it says so.
            message = result.get("message")
            return BatchResult(
                custom_id=custom_id, body=message if isinstance(message, dict) else {}
            )
        error = (result.get("error") or {}).get("error") or {}
        cause, message = str(error.get("type", "")), str(error.get("message", ""))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        # It is told of this one alone: the others of its batch are sound.
        return BatchResult(custom_id=custom_id, detail=f"no result of a batch: {error!r}")
    detail = ", ".join(part for part in (f"batch item {kind}", cause, message) if part)
    return BatchResult(custom_id=custom_id, detail=_words(detail), retry=cause not in BAD_REQUEST)


def _words(text: str) -> str:
    """Return a text on one line, cut where it is long; half a surrogate pair is no text."""
    whole = " ".join(text.encode("utf-8", "replace").decode().split())
    return whole if len(whole) <= SHOWN_CHARS else f"{whole[:SHOWN_CHARS]}…"

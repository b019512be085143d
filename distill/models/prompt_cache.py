"""Prompt caching: the beginning that many requests share is marked, so that it is paid for once.

The mark goes into what is sent and into nothing else: the ledger's key, the budget and the pace
know the request without it, because it shapes no answer. A beginning is marked where it is long
enough for the provider to cache it and enough requests of this run share it; writing to the cache
costs more than plain input, so a mark that nobody reads would cost more than it saves.

A batch is marked by the same rule, and the two discounts multiply. Nobody promises there that one
request is done before the next begins, so several may write what one would have written; a mark
pays as soon as 22 % of the requests read it (a write costs 1.25 and a read 0.1, so that a share s
of reads comes to 1.25 - 1.15 s). Source: Anthropic's platform documentation, "Batch processing",
read second-hand: 30 % to 98 %. An estimate counts on none of it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from distill.ledger import canonical_json
from distill.models.prices import min_cache_tokens
from distill.models.protocol import Model, Request, Send, Sent

AUTO = "auto"
# A write at 1.25 and two reads at 0.1 come to half of three plain readings.
MIN_SHARING = 3
# Few texts have more bytes a token. A mark on too short a beginning has no effect and costs
# nothing; one that is missing costs the saving.
FEWEST_TOKENS_A_BYTE = 1 / 3
MARK = {"type": "ephemeral"}
# Takes the canonical JSON of a request and returns it with its beginning marked, where it pays.
Mark = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Beginning:
    """What stands before the user turn of a request.

    Args:
        system: The system prompt, or `None`.
        shots: Earlier turns as (user, assistant) pairs.
    """

    system: str | None
    shots: tuple[tuple[str, str], ...]

    @property
    def bytes(self) -> int:
        """Length of all its texts."""
        texts = [self.system or "", *(text for shot in self.shots for text in shot)]
        return sum(len(text.encode()) for text in texts)


def beginning_of(request: Request) -> Beginning:
    """Return what stands before the user turn."""
    return Beginning(request.system, request.shots)


def worth_marking(model: Model, requests: Iterable[Request]) -> dict[Beginning, int]:
    """Return the beginnings that are to be cached, with the number of requests that share each.

    Args:
        model: Who is asked; one that has no `prompt_cache`, or has it off, caches nothing.
        requests: All that will be sent.
    """
    if getattr(model, "prompt_cache", None) != AUTO:
        return {}
    least = min_cache_tokens(model.provider, model.model)
    if least is None:
        return {}
    shared = Counter(beginning_of(request) for request in requests)
    return {
        one: count
        for one, count in shared.items()
        if count >= MIN_SHARING and one.bytes * FEWEST_TOKENS_A_BYTE >= least
    }


def marker(model: Model, requests: Iterable[Request]) -> Mark | None:
    """Return what puts marks into canonical JSON, `None` where nothing is worth one.

    Args:
        model: Who is asked.
        requests: All that will be sent.
    """
    beginnings = worth_marking(model, requests)
    if not beginnings:
        return None

    def mark(request: str) -> str:
        body = json.loads(request)
        return canonical_json(marked(body)) if _begins(body) in beginnings else request

    return mark


def marking(mark: Mark | None, send: Send) -> Send:
    """Return `send` as it is where nothing is worth a mark, else one that marks what it sends."""
    if mark is None:
        return send

    async def marked_send(request: str) -> Sent:
        return await send(mark(request))

    return marked_send


def marked(body: dict[str, Any]) -> dict[str, Any]:
    """Return a Messages API body whose beginning, up to the last user turn, is marked."""
    *before, last = body["messages"]
    if before:
        turn = before[-1]
        return body | {"messages": [*before[:-1], turn | {"content": _block(turn)}, last]}
    return body | {"system": [{"type": "text", "text": body["system"], "cache_control": MARK}]}


def _block(turn: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"type": "text", "text": turn["content"], "cache_control": MARK}]


def _begins(body: dict[str, Any]) -> Beginning:
    texts = [turn["content"] for turn in body["messages"][:-1]]
    return Beginning(body.get("system"), tuple(zip(texts[::2], texts[1::2], strict=True)))

"""How many tokens a request has, by the provider's own count; that is free and answers nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, runtime_checkable

AT_ONCE = 4
TIMEOUT_S = 30.0
RETRIES = 2
# What the counting endpoint takes of a body; limits and sampling do not change the count.
COUNTED = ("model", "messages", "system", "output_config", "thinking")

# Takes the canonical JSON of one body and returns its tokens.
Count = Callable[[str], Awaitable[int]]


class CountingError(Exception):
    """The endpoint did not count; the text says why, without a secret."""


@runtime_checkable
class CountsTokens(Protocol):
    """A model whose endpoint counts tokens for nothing."""

    def connect_counting(self, name: str) -> AbstractAsyncContextManager[Count]:
        """Open the way to the endpoint's counter; `name` is who is asked, for messages.

        Raises:
            MissingKeyError: no key is set.
            ModelError: the endpoint refused the key.
            CountingError: from the function, for a request that was not counted.
        """


def count_all(model: CountsTokens, name: str, requests: Sequence[str]) -> list[int]:
    """Return the tokens of each request, in their order.

    Args:
        model: Whose endpoint counts.
        name: Who is asked: `teacher` or `judge`.
        requests: Canonical JSON of what would be sent.

    Raises:
        CountingError: one of them was not counted; the others are given up.
    """

    async def work() -> list[int]:
        gate = asyncio.Semaphore(AT_ONCE)
        async with model.connect_counting(name) as count:

            async def one(request: str) -> int:
                async with gate:
                    return await count(request)

            tasks = [asyncio.ensure_future(one(request)) for request in requests]
            try:
                return await asyncio.gather(*tasks)
            finally:
                for task in tasks:
                    task.cancel()

    return asyncio.run(work())


def counting(client: Any) -> Count:
    """Return the function that has the Messages API count the tokens of one body.

    Args:
        client: The SDK's, open.
    """
    from anthropic import APIError

    from distill.models.messages_api import told

    patient = client.with_options(max_retries=RETRIES, timeout=TIMEOUT_S)

    async def count(request: str) -> int:
        body: dict[str, Any] = json.loads(request)
        counted = {field: body[field] for field in COUNTED if field in body}
        try:
            answer = await patient.messages.count_tokens(**counted)
        except APIError as error:
            raise CountingError(told(error, client.api_key or "").detail) from error
        tokens = getattr(answer, "input_tokens", None)
        if not isinstance(tokens, int) or tokens < 0:
            raise CountingError("the answer holds no count")
        return tokens

    return count

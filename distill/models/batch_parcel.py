"""What the parts of one role's batch calls share: whose they are, one batch, and waits."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from distill.ledger.batches import BatchBook, BatchItem
from distill.models.batch_api import BatchApi, BatchModel
from distill.models.budget import Budget
from distill.models.online import wait_s
from distill.models.prompt_cache import Mark
from distill.models.protocol import FailedRequestError, Failure
from distill.models.receipts import Receipts, Wanted

T = TypeVar("T")
# Between two looks at a batch, growing from the first to the last.
FIRST_POLL_S, LAST_POLL_S, POLL_GROWTH = 0.5, 60.0, 1.5
NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class Dealings:
    """What one role has to do with one provider's batches.

    Args:
        role: `teacher` or `judge`.
        model: Who answers.
        api: Its provider's batches.
        book: Batches under way.
        receipts: Takes in what comes back.
        budget: The dollar cap over all roles.
        wanted: Makes what is sent, by key.
        mark: Marks the beginnings that requests share, or `None`.
        on_answered: Told of keys that others paid for in the meantime.
        on_end: Told of a request of ours that was answered, or of its failure.
        tell: Says something that stays on the screen.
        ours: Keys that this run asks for and that nobody else is paying for.
        failures: Of those, what failed for good.
    """

    role: str
    model: BatchModel
    api: BatchApi
    book: BatchBook
    receipts: Receipts
    budget: Budget
    wanted: Callable[[str], Wanted]
    mark: Mark | None
    on_answered: Callable[[frozenset[str]], None]
    on_end: Callable[[Failure | None], None]
    tell: Callable[[str], None]
    ours: set[str] = field(default_factory=set)
    failures: list[Failure] = field(default_factory=list)

    def item(self, key: str) -> BatchItem:
        """Return what is written down of a request."""
        wanted = self.wanted(key)
        return BatchItem(wanted.key, wanted.request, wanted.sample)

    def worst_usd(self, request: str) -> float:
        """Return the dearest that a request could come to, in dollars.

        Args:
            request: Canonical JSON of what is sent.
        """
        return self.receipts.spend.worst_usd(request, self.model.max_tokens)

    def fail(self, key: str, detail: str) -> None:
        """Count a request that failed for good; one that nobody asked for here is let go."""
        if key in self.ours:
            self.receipts.spend.failed += 1
            self.failures.append(Failure(detail=detail, key=key))
            self.on_end(self.failures[-1])

    async def pause(self, error: FailedRequestError, attempt: int, at_least_s: float = 0.0) -> None:
        """Wait before another attempt.

        Args:
            error: Of the last attempt.
            attempt: Which one that was, from 1.
            at_least_s: Wait no less than that.

        Raises:
            FailedRequestError: there is no use in another one, or the endpoint asks to wait longer
                than a request's time budget.
        """
        pause_s = wait_s(error, attempt)
        may = error.retry and attempt <= self.model.max_retries and pause_s <= self.model.timeout_s
        if not may:
            error.detail += f", after {attempt} attempt{'s' * (attempt != 1)}"
            raise error
        await asyncio.sleep(max(pause_s, at_least_s))

    async def patiently(self, call: Callable[[], Awaitable[T]], at_least_s: float = 0.0) -> T:
        """Call until the endpoint does as it is asked, or there is no use in trying on."""
        attempt = 0
        while True:
            attempt += 1
            try:
                return await call()
            except FailedRequestError as error:
                await self.pause(error, attempt, at_least_s)


@dataclass(eq=False)
class Parcel:
    """One batch, and what of it is ours to take in.

    Args:
        token: Our own name for it; part of every item's id on the wire.
        written_at: When it was written down, UTC, ISO 8601.
        total: Requests in it.
        left: Key by number of the items of which a result is expected.
        batch_id: The provider's id, "" until it is told.
        worst_usd: What is set aside for it, in dollars.
        cost_usd: What its results cost so far, in dollars.
        done: Numbers of the items of which nothing is expected any more.
        again: Why, by key, of those that are to be asked once more.
    """

    token: str
    written_at: str
    total: int
    left: dict[int, str]
    batch_id: str = ""
    worst_usd: float = 0.0
    cost_usd: float = 0.0
    done: set[int] = field(default_factory=set)
    again: dict[str, str] = field(default_factory=dict)

    def custom_id(self, number: int) -> str:
        """Return the id of an item on the wire: at most 64 letters, digits and hyphens."""
        return f"{self.token}-{number}"

    def number(self, custom_id: str) -> int | None:
        """Return the number of an item; `None` where the id is not one of this batch."""
        token, _, number = custom_id.rpartition("-")
        return int(number) if token == self.token and NUMBER.fullmatch(number) else None

    def give_back(self, why: str) -> None:
        """Note that what is left is to be asked once more."""
        self.again |= dict.fromkeys(self.left.values(), why)
        self.done.update(self.left)
        self.left.clear()


def pauses() -> Iterator[float]:
    """Yield the seconds between looks: short at first, then longer, up to a limit, without end."""
    pause_s = FIRST_POLL_S
    while True:
        yield pause_s
        pause_s = min(LAST_POLL_S, pause_s * POLL_GROWTH)


def requests(number: int) -> str:
    """Return a number of requests in words."""
    return f"{number:,} request{'s' * (number != 1)}"

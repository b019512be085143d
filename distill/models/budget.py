"""What was spent, and the hard cap on it.

A request is sent only if the dearest answer that it could bring, on top of all that is in flight,
still stays under the cap. The dearest case of a request is one token a byte (and what a provider
says beside it), all of them written to a prompt cache where one is asked for, and a reply of
`max_tokens`.

An attempt that was sent and brought no answer (a lost connection, a time-out, a body that cannot
be read) may have been billed: nobody can tell. The cap counts it at its dearest, and further
attempts want room of their own; the reported cost, which is a sum of what providers have said,
leaves it out and has it beside it (`lost`, `maybe_usd`). What a provider answers with an error is
not billed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from distill.errors import BudgetError
from distill.models.prices import Price
from distill.models.protocol import Reply

# A provider words a schema for the model and bills those words too: some hundred tokens.
SCHEMA_TOKENS = 500
# How a schema stands in the canonical JSON of either API; in a text the quotes are escaped.
SCHEMA = '"schema":'


@dataclass
class Spend:
    """What one role (teacher or judge) cost in this run.

    Args:
        model: The id asked for.
        price: Dollars a million tokens, or `None` where unknown.
        served: The ids that answered, fresh or cached.
        requests: Responses paid in this run.
        cached: Responses out of the ledger.
        failed: Requests that failed for good.
        input_tokens: Tokens of the paid requests.
        output_tokens: Tokens of the paid replies.
        cache_write_tokens: Those of the input that were written to a prompt cache.
        cache_read_tokens: Those of the input that were read from one.
        lost: Attempts that brought no answer and may have been billed.
        maybe_usd: The most that they cost; 0 where the price is unknown.
    """

    model: str
    price: Price | None
    served: set[str] = field(default_factory=set)
    requests: int = 0
    cached: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_write_tokens: int = 0
    cache_read_tokens: int = 0
    lost: int = 0
    maybe_usd: float = 0.0

    @property
    def cost_usd(self) -> float | None:
        """Dollars of this run; `None` where something was paid for at an unknown price."""
        if self.price is None:
            return 0.0 if self.requests == 0 else None
        return self.price.cost_usd(
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cache_write_tokens=self.cache_write_tokens,
            cache_read_tokens=self.cache_read_tokens,
        )

    @property
    def cache_saved_usd(self) -> float | None:
        """Dollars that prompt caching saved; below 0 where it cost more than it saved."""
        if self.price is None or self.cost_usd is None:
            return None
        plain = self.price.cost_usd(
            input_tokens=self.input_tokens, output_tokens=self.output_tokens
        )
        return plain - self.cost_usd

    def add(self, reply: Reply) -> float:
        """Count a reply that was paid for, and return its dollars; 0 where the price is unknown."""
        self.served.add(reply.served_model)
        self.requests += 1
        self.input_tokens += reply.input_tokens
        self.output_tokens += reply.output_tokens
        self.cache_write_tokens += reply.cache_write_tokens
        self.cache_read_tokens += reply.cache_read_tokens
        if self.price is None:
            return 0.0
        return self.price.cost_usd(
            input_tokens=reply.input_tokens,
            output_tokens=reply.output_tokens,
            cache_write_tokens=reply.cache_write_tokens,
            cache_read_tokens=reply.cache_read_tokens,
        )

    def add_cached(self, served_model: str) -> None:
        """Count a response out of the ledger."""
        self.served.add(served_model)
        self.cached += 1

    def lose(self, worst_usd: float, *, attempts: int = 1) -> None:
        """Count attempts that brought no answer and may have been billed."""
        self.lost += attempts
        self.maybe_usd += worst_usd

    def worst_usd(self, request: str, max_tokens: int) -> float:
        """Return the dearest that one attempt could come to.

        Args:
            request: Canonical JSON of what is sent.
            max_tokens: Most tokens of the reply.
        """
        if self.price is None:
            return 0.0
        return worst_usd(self.price, worst_input_tokens(request), max_tokens)


def worst_input_tokens(request: str) -> int:
    """Return the most tokens that a request can have: one a byte, and the provider's own words.

    Args:
        request: Canonical JSON of what is sent.
    """
    return len(request.encode()) + (SCHEMA_TOKENS if SCHEMA in request else 0)


def worst_usd(price: Price, input_tokens: int, output_tokens: int) -> float:
    """Return the dearest that so many tokens can come to: all of the input may be cached first."""
    dearer = price.cache_write > 1
    return price.cost_usd(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cache_write_tokens=input_tokens if dearer else 0,
    )


@dataclass
class Room:
    """What one request may cost, held for it.

    Args:
        budget: The cap.
        worst_usd: The dearest case of one attempt.
        cost_usd: What its last attempt did cost.
    """

    budget: Budget
    worst_usd: float
    cost_usd: float = 0.0
    is_held: bool = True

    def lose(self) -> None:
        """Count the last attempt at its dearest: it may have been billed and brought nothing."""
        self.cost_usd = self.worst_usd
        self.budget.unsure_usd += self.worst_usd

    async def again(self) -> None:
        """Book the last attempt and hold as much for another one.

        Raises:
            BudgetError: the cap leaves no room even with nothing in flight.
        """
        await self.give_back()
        await self.budget.reserve(self.worst_usd)
        self.is_held = True

    async def give_back(self) -> None:
        """Book the last attempt and hold nothing more."""
        if self.is_held:
            cost_usd, self.cost_usd, self.is_held = self.cost_usd, 0.0, False
            await self.budget.settle(self.worst_usd, cost_usd)


@dataclass
class Budget:
    """A cap in dollars over all roles of one run; what earlier runs paid does not count.

    Args:
        max_usd: The cap, or `None` for none.
        spent_usd: What was booked, attempts that may have been billed among it.
        unsure_usd: What of it is for those.
        reserved_usd: What is held for requests in flight.
        in_flight: How many those are.
    """

    max_usd: float | None
    spent_usd: float = 0.0
    unsure_usd: float = 0.0
    reserved_usd: float = 0.0
    in_flight: int = 0
    _freed: asyncio.Condition | None = None
    _loop: asyncio.AbstractEventLoop | None = None

    @asynccontextmanager
    async def room(self, worst_usd: float) -> AsyncIterator[Room]:
        """Hold `worst_usd` for a request while the block runs, and book what it did cost.

        Raises:
            BudgetError: the cap leaves no room even with nothing in flight.
        """
        await self.reserve(worst_usd)
        room = Room(self, worst_usd)
        try:
            yield room
        finally:
            await room.give_back()

    async def reserve(self, worst_usd: float) -> None:
        """Set `worst_usd` aside for one request; wait for requests in flight where that helps.

        Raises:
            BudgetError: the cap leaves no room even with nothing in flight.
        """
        if self.max_usd is None:
            return
        freed = self._condition()
        async with freed:
            while not self.fits(worst_usd):
                # Counted, not summed: sums of dollars do not come back to zero exactly.
                if self.in_flight == 0:
                    freed.notify_all()
                    raise self._refusal(worst_usd)
                await freed.wait()
            self.reserved_usd += worst_usd
            self.in_flight += 1

    def fits(self, worst_usd: float) -> bool:
        """Say whether there is room for so much now."""
        return self.max_usd is None or (
            self.spent_usd + self.reserved_usd + worst_usd <= self.max_usd
        )

    def widen(self, worst_usd: float) -> None:
        """Set more aside for what has a reservation already; the caller has seen that it fits."""
        if self.max_usd is not None:
            self.reserved_usd += worst_usd

    async def hold(self, worst_usd: float) -> None:
        """Count what another run has sent and this one waits for: nothing of it can be refused."""
        if self.max_usd is None:
            return
        async with self._condition():
            self.reserved_usd += worst_usd
            self.in_flight += 1

    async def settle(self, worst_usd: float, cost_usd: float) -> None:
        """Give the reservation back and book what the request did cost."""
        if self.max_usd is None:
            return
        freed = self._condition()
        async with freed:
            self.in_flight -= 1
            left = self.reserved_usd - worst_usd
            self.reserved_usd = max(0.0, left) if self.in_flight else 0.0
            self.spent_usd += cost_usd
            freed.notify_all()

    def _refusal(self, worst_usd: float) -> BudgetError:
        unsure = (
            f" ({self.unsure_usd:.4f} of them may have been billed for attempts without an answer)"
            if self.unsure_usd
            else ""
        )
        return BudgetError(
            f"budget.max_usd: {self.spent_usd:.4f} of {self.max_usd:g} dollars are spent in "
            f"this run{unsure} and the next request could cost {worst_usd:.4f}; stopped before "
            "sending it.",
            hint="raise budget.max_usd or lower max_tokens, then run again: what was paid for is "
            "in the ledger, costs nothing and does not count towards the next run's cap",
        )

    def _condition(self) -> asyncio.Condition:
        """Return this event loop's condition: teacher and judge are asked in loops of their own."""
        loop = asyncio.get_running_loop()
        if self._freed is None or self._loop is not loop:
            self._freed, self._loop = asyncio.Condition(), loop
        return self._freed

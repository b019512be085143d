"""What was spent, and the hard cap on it.

A request is sent only if the dearest answer that it could bring, on top of all that is in flight,
still stays under the cap. The dearest case of a request is one token a byte and a reply of
`max_tokens`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from distill.errors import BudgetError
from distill.models.prices import Price
from distill.models.protocol import Reply


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
    """

    model: str
    price: Price | None
    served: set[str] = field(default_factory=set)
    requests: int = 0
    cached: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def cost_usd(self) -> float | None:
        """Dollars of this run; `None` where something was paid for at an unknown price."""
        if self.price is None:
            return 0.0 if self.requests == 0 else None
        return self.price.cost_usd(input_tokens=self.input_tokens, output_tokens=self.output_tokens)

    def add(self, reply: Reply) -> float:
        """Count a reply that was paid for, and return its dollars; 0 where the price is unknown."""
        self.served.add(reply.served_model)
        self.requests += 1
        self.input_tokens += reply.input_tokens
        self.output_tokens += reply.output_tokens
        if self.price is None:
            return 0.0
        return self.price.cost_usd(
            input_tokens=reply.input_tokens, output_tokens=reply.output_tokens
        )

    def add_cached(self, served_model: str) -> None:
        """Count a response out of the ledger."""
        self.served.add(served_model)
        self.cached += 1

    def worst_usd(self, request: str, max_tokens: int) -> float:
        """Return the dearest that a request could come to: one token a byte, the longest reply."""
        if self.price is None:
            return 0.0
        return self.price.cost_usd(input_tokens=len(request.encode()), output_tokens=max_tokens)


@dataclass
class Budget:
    """A cap in dollars over all roles of a run.

    Args:
        max_usd: The cap, or `None` for none.
    """

    max_usd: float | None
    spent_usd: float = 0.0
    reserved_usd: float = 0.0
    in_flight: int = 0
    _freed: asyncio.Condition | None = None
    _loop: asyncio.AbstractEventLoop | None = None

    @property
    def room_usd(self) -> float:
        """Dollars that are neither spent nor set aside; infinite without a cap."""
        if self.max_usd is None:
            return float("inf")
        return self.max_usd - self.spent_usd - self.reserved_usd

    async def reserve(self, worst_usd: float) -> None:
        """Set `worst_usd` aside for one request; wait for requests in flight where that helps.

        Raises:
            BudgetError: the cap leaves no room even with nothing in flight.
        """
        if self.max_usd is None:
            return
        freed = self._condition()
        async with freed:
            while self.spent_usd + self.reserved_usd + worst_usd > self.max_usd:
                # Counted, not summed: sums of dollars do not come back to zero exactly.
                if self.in_flight == 0:
                    freed.notify_all()
                    raise BudgetError(
                        f"budget.max_usd: {self.spent_usd:.4f} of {self.max_usd:g} dollars are "
                        f"spent and the next request could cost {worst_usd:.4f}; stopped before "
                        "sending it.",
                        hint="raise budget.max_usd or lower max_tokens, then run again: what was "
                        "paid for is in the ledger and costs nothing",
                    )
                await freed.wait()
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

    def _condition(self) -> asyncio.Condition:
        """Return this event loop's condition: teacher and judge are asked in loops of their own."""
        loop = asyncio.get_running_loop()
        if self._freed is None or self._loop is not loop:
            self._freed, self._loop = asyncio.Condition(), loop
        return self._freed

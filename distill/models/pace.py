"""How fast an endpoint is asked: as fast as it allows, and slower when it says so.

Each limit is a bucket that refills continuously, as the provider's own is. A response's headers
say what the provider counts, but not from which moment: at its arrival, or at its answer. In the
first case what was sent since is still to be taken off and what has flowed in since to be added,
in the second neither. Our own count is moved only as far as it lies outside of both readings.

The first request goes alone, so that the limits are known before there is a crowd; where it takes
long, some and then more go after it. A refusal (429) stops everybody for as long as the provider
asks and leaves more of the allowance to others for a while; signs of overload halve the number of
requests in flight, which every answer raises by one again.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from distill.models.limits import KINDS, Allowance, Kind, Limits, read_allowances

MINUTE_S = 60.0
# A guess until the first answer tells: most English text has about four bytes a token.
BYTES_A_TOKEN = 4.0
# How much the newest answer says about the next ones.
LEARNING_RATE = 0.1
# Requests in flight while nothing has ever been answered: the first alone, after a refusal a few,
# to tell a bad request from a dead endpoint, and some more whenever this time is up.
FIRST, PROBES, MORE = 1, 3, 8
PATIENCE_S = 2.0
# On top of every wait: clocks and roundings differ, and nothing is lost by it, as buckets fill on.
SPARE_S = 0.002
GUESSED: tuple[Kind, ...] = ("input_tokens", "output_tokens")
# A guess at tokens may be too low by so many times what guesses are wrong by on average.
SPARE_ERRORS = 4.0
FIRST_ERROR = 0.1
# How much of an allowance is left to others after a refusal, and how soon it is tried again.
SHARE_AFTER_REFUSAL = 0.9
SHARE_BACK_S = 60.0
LEAST_SHARE = 0.05


@dataclass
class Bucket:
    """One limit, as we count it.

    Args:
        limit: A minute's allowance.
        level: What is left.
        at: When that was so, in seconds of the clock.
        most: The most that gathers: no more than was ever seen to be left.
        share: Of what flows in, what is ours, in (0, 1]; others may draw on the same allowance.
        taken: Everything that was ever taken.
    """

    limit: float
    level: float
    at: float
    most: float
    share: float = 1.0
    taken: float = 0.0

    @property
    def rate(self) -> float:
        """What flows in a second."""
        return self.limit / MINUTE_S

    def wait_s(self, cost: float, now: float) -> float:
        """Return the seconds until `cost` may be taken, 0 for now."""
        self._refill(now)
        # What is larger than a full bucket waits for one and is let through.
        short = min(cost, self.most) - self.level
        return short / (self.rate * self.share) + SPARE_S if short > 0 else 0.0

    def take(self, cost: float) -> None:
        """Take `cost`; it may be negative, where a guess was too high."""
        self.level = min(self.most, self.level - cost)
        self.taken += cost

    def learn(self, allowance: Allowance, *, taken: float, sent_at: float, now: float) -> None:
        """Move our count to within what a response can mean.

        Args:
            allowance: What it says.
            taken: `self.taken` when its request had been sent.
            sent_at: When that was.
            now: When it came back.
        """
        self._refill(now)
        self.limit = allowance.limit
        self.most = max(self.most, allowance.remaining)
        at_answer = allowance.remaining
        at_arrival = at_answer - (self.taken - taken) + self.rate * (now - sent_at)
        low, high = sorted((at_answer, at_arrival))
        self.level = min(max(self.level, low), high, self.most)

    def give_way(self) -> None:
        """Take a smaller share: something was refused that our count allowed."""
        self.share = max(LEAST_SHARE, self.share * SHARE_AFTER_REFUSAL)

    def _refill(self, now: float) -> None:
        passed_s = now - self.at
        self.level = min(self.most, self.level + self.rate * self.share * passed_s)
        self.share = min(1.0, self.share + passed_s / SHARE_BACK_S)
        self.at = now


@dataclass(frozen=True)
class Ticket:
    """Leave to send one request.

    Args:
        sent_at: When it was given.
        cost: What was taken, by limit.
        taken: What had ever been taken of each known limit, this request included.
        size: Bytes of the request.
    """

    sent_at: float
    cost: Mapping[Kind, float]
    taken: Mapping[Kind, float]
    size: int


@dataclass
class Pace:
    """The pace of all requests to one endpoint.

    Args:
        limits: What the config says.
        most: Most requests in flight.
        reply_tokens: Most tokens of a reply: the guess before the first one.
        clock: Seconds that only ever grow.
    """

    limits: Limits
    most: int
    reply_tokens: float
    clock: Callable[[], float] = time.monotonic
    in_flight: int = 0
    answered: int = 0
    window: float = FIRST
    paused_until: float = 0.0
    _patient_until: float = float("-inf")
    _buckets: dict[Kind, Bucket] = field(default_factory=dict)
    _bytes_a_token: float = BYTES_A_TOKEN
    _error: dict[Kind, float] = field(default_factory=lambda: dict.fromkeys(GUESSED, FIRST_ERROR))
    _cut_at: float = float("-inf")
    _gate: asyncio.Lock = field(default_factory=asyncio.Lock)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Fill the buckets that the config knows."""
        now = self.clock()
        for kind in KINDS:
            limit = self.limits[f"{kind}_per_minute"]  # type: ignore[literal-required]
            if limit is not None:
                self._buckets[kind] = Bucket(limit, limit, now, most=limit)

    async def turn(self, size: int) -> Ticket:
        """Wait until a request may be sent; first come, first served.

        Args:
            size: Bytes of its body.
        """
        async with self._gate:
            while (wait_s := self._wait_s(size)) > 0:
                self._changed.clear()
                try:
                    async with asyncio.timeout(wait_s if wait_s < float("inf") else None):
                        await self._changed.wait()
                except TimeoutError:
                    continue
            return self._take(size)

    def done(
        self, ticket: Ticket, headers: Mapping[str, str], *, input_tokens: int, output_tokens: int
    ) -> None:
        """Learn from an answer.

        Args:
            ticket: Of its request.
            headers: Of the response.
            input_tokens: What the request turned out to cost.
            output_tokens: What the reply did.
        """
        first = self.answered == 0
        self.answered += 1
        learned = 1.0 if first else LEARNING_RATE
        if input_tokens:
            self._bytes_a_token += learned * (ticket.size / input_tokens - self._bytes_a_token)
        self.reply_tokens += learned * (output_tokens - self.reply_tokens)
        for kind, spent in zip(GUESSED, (input_tokens, output_tokens), strict=True):
            guess = ticket.cost[kind]
            if kind in ticket.taken:
                self._buckets[kind].take(spent - guess)
            if not first:
                error = abs(spent - guess) / max(guess, 1.0)
                self._error[kind] += LEARNING_RATE * (error - self._error[kind])
        self._learn(ticket, headers)
        self.window = self.most if first else min(self.most, self.window + 1)
        self.leave()

    def refused(
        self,
        ticket: Ticket,
        headers: Mapping[str, str],
        *,
        overloaded: bool,
        pause_s: float | None,
    ) -> None:
        """Learn from a request that brought no answer.

        Args:
            ticket: Of the request.
            headers: Of the response, empty where there was none.
            overloaded: Whether it says that less should be asked at once.
            pause_s: For how long nobody should ask, or `None`.
        """
        now = self.clock()
        self._learn(ticket, headers)
        if pause_s is not None:
            self.paused_until = max(self.paused_until, now + pause_s)
        # Those that were sent before the last cut say nothing about the pace since.
        if overloaded and ticket.sent_at >= self._cut_at and self.answered:
            self._cut_at = now
            if pause_s is not None and self._buckets:
                for bucket in self._buckets.values():
                    bucket.give_way()
            else:
                self.window = max(1.0, self.window / 2)
        if not self.answered:
            self.window = min(self.most, PROBES)
            self._patient_until = max(now, self.paused_until) + PATIENCE_S
        self.leave()

    def leave(self) -> None:
        """Give the place of a request back from which nothing is learned."""
        self.in_flight -= 1
        self._changed.set()

    def _wait_s(self, size: int) -> float:
        now = self.clock()
        if not self.answered:
            self._grow_impatient(now)
        if self.in_flight >= int(self.window):
            return float("inf") if self.answered else self._patient_until - now
        waits = [self.paused_until - now]
        for kind, bucket in self._buckets.items():
            # What is in flight was guessed too; independent errors add up by their squares.
            guessed = math.sqrt(self.in_flight + 1) * self._error.get(kind, 0.0)
            waits.append(bucket.wait_s(self._cost(kind, size) * (1 + SPARE_ERRORS * guessed), now))
        return max(waits)

    def _grow_impatient(self, now: float) -> None:
        if self._patient_until == float("-inf"):
            self._patient_until = now + PATIENCE_S
        elif now >= self._patient_until:
            self.window = min(self.most, self.window + MORE)
            self._patient_until = now + PATIENCE_S

    def _take(self, size: int) -> Ticket:
        self.in_flight += 1
        cost = {kind: self._cost(kind, size) for kind in KINDS}
        for kind, bucket in self._buckets.items():
            bucket.take(cost[kind])
        taken = {kind: bucket.taken for kind, bucket in self._buckets.items()}
        return Ticket(self.clock(), cost, taken, size)

    def _cost(self, kind: Kind, size: int) -> float:
        if kind == "requests":
            return 1.0
        return size / self._bytes_a_token if kind == "input_tokens" else self.reply_tokens

    def _learn(self, ticket: Ticket, headers: Mapping[str, str]) -> None:
        if not headers:
            return
        now = self.clock()
        for kind, allowance in read_allowances(headers).items():
            bucket = self._buckets.get(kind)
            if bucket is None:
                # Nothing was counted yet: those in flight beside this one are few.
                others = self.in_flight - 1
                level = max(0.0, allowance.remaining - others * ticket.cost[kind])
                most = allowance.remaining + ticket.cost[kind]
                self._buckets[kind] = Bucket(allowance.limit, level, now, most=most)
            elif kind in ticket.taken:
                bucket.learn(allowance, taken=ticket.taken[kind], sent_at=ticket.sent_at, now=now)

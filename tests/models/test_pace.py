"""The pace against a provider's own count, on a clock of the tests' own."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from distill.models.limits import Allowance, Limits, read_allowances, read_retry_after
from distill.models.pace import FIRST, MORE, PATIENCE_S, PROBES, Bucket, Pace

UNKNOWN = Limits(
    requests_per_minute=None, input_tokens_per_minute=None, output_tokens_per_minute=None
)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next thing that is due."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self.now = max(self.now, self._scheduled[0].when())  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


def virtually(story: Callable[[], Coroutine[Any, Any, None]]) -> float:
    """Run a story; return the seconds that passed in it."""
    loop = VirtualLoop()
    try:
        loop.run_until_complete(story())
        return loop.now
    finally:
        loop.close()


@dataclass
class Provider:
    """A server that enforces token buckets and tells of them in its headers.

    Args:
        requests: Requests a minute.
        tokens: Input tokens a minute.
        burst: The most that gathers, as a share of a minute's.
        latency_s: Seconds an answer takes.
        told_at_answer: Whether the headers tell the count at the answer, or at the arrival.
        silent: Whether there are no headers.
    """

    requests: float
    tokens: float = 1e12
    burst: float = 1.0
    latency_s: float = 0.5
    told_at_answer: bool = True
    silent: bool = False
    refused: int = 0
    accepted: int = 0
    spent_tokens: float = 0.0
    max_in_flight: int = 0
    in_flight: int = 0
    _level: dict[str, float] = field(default_factory=dict)
    _at: float = 0.0

    def __post_init__(self) -> None:
        self._limit = {"requests": self.requests, "input-tokens": self.tokens}
        self._level = {name: limit * self.burst for name, limit in self._limit.items()}

    def _refill(self, now: float) -> None:
        for name, limit in self._limit.items():
            full = limit * self.burst
            self._level[name] = min(full, self._level[name] + limit / 60 * (now - self._at))
        self._at = now

    def _headers(self) -> dict[str, str]:
        if self.silent:
            return {}
        told = {}
        for name, limit in self._limit.items():
            told[f"anthropic-ratelimit-{name}-limit"] = str(int(limit))
            told[f"anthropic-ratelimit-{name}-remaining"] = str(int(max(0.0, self._level[name])))
        return told

    async def answer(self, tokens: float) -> tuple[bool, Mapping[str, str], float]:
        """Return whether it was answered, the headers, and the seconds to wait where not."""
        now = asyncio.get_running_loop().time()
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        try:
            self._refill(now)
            costs = {"requests": 1.0, "input-tokens": tokens}
            short = [
                (cost - self._level[name]) / (self._limit[name] / 60)
                for name, cost in costs.items()
                if self._level[name] < cost
            ]
            if short:
                self.refused += 1
                await asyncio.sleep(0.01)
                return False, self._headers(), max(short)
            for name, cost in costs.items():
                self._level[name] -= cost
            self.accepted += 1
            self.spent_tokens += tokens
            headers = self._headers()
            await asyncio.sleep(self.latency_s)
            self._refill(asyncio.get_running_loop().time())
            return True, self._headers() if self.told_at_answer else headers, 0.0
        finally:
            self.in_flight -= 1


async def ask(
    provider: Provider,
    pace: Pace,
    sizes: list[int],
    *,
    workers: int,
    tokens_of: Callable[[int], float] = lambda size: size / 4,
    until_s: float = float("inf"),
) -> None:
    """Send requests of these sizes, refused ones again, until none is left or the time is up."""
    todo = list(reversed(sizes))
    clock = asyncio.get_running_loop().time

    async def work() -> None:
        while todo and clock() < until_s:
            size = todo.pop()
            while True:
                ticket = await pace.turn(size)
                if clock() >= until_s:
                    pace.leave()
                    return
                ok, headers, wait_s = await provider.answer(tokens_of(size))
                if ok:
                    break
                pace.refused(ticket, headers, overloaded=True, pause_s=wait_s)
            pace.done(ticket, headers, input_tokens=round(tokens_of(size)), output_tokens=20)

    await asyncio.gather(*(work() for _ in range(workers)))


def paced(most: int, **changes: int | None) -> Pace:
    """Return a pace on the clock of the running loop."""
    return Pace(
        Limits(**(UNKNOWN | changes)),  # type: ignore[typeddict-item]
        most=most,
        reply_tokens=1000,
        clock=asyncio.get_running_loop().time,
    )


@pytest.mark.parametrize("told_at_answer", [True, False], ids=["at answer", "at arrival"])
@pytest.mark.parametrize("burst", [1.0, 0.1, 0.02])
@pytest.mark.parametrize("latency_s", [0.05, 2.0, 20.0])
def test_the_request_allowance_is_used_up_without_refusals(
    told_at_answer: bool, burst: float, latency_s: float
) -> None:
    provider = Provider(1200, burst=burst, latency_s=latency_s, told_at_answer=told_at_answer)
    seconds, workers = 180.0, 2048

    async def story() -> None:
        await ask(provider, paced(workers), [400] * 6000, workers=workers, until_s=seconds)

    virtually(story)
    # Nothing can be known before the first answer; a bucket that is full by then overflows.
    start_s = latency_s if burst == 1.0 else 2 * latency_s * (latency_s > 2)
    assert provider.accepted >= 0.95 * (1200 * burst + 20 * (seconds - start_s))
    assert provider.refused <= 0.01 * (provider.accepted + provider.refused)


def test_the_token_allowance_is_used_up_without_refusals() -> None:
    provider = Provider(1e9, tokens=60_000)
    sizes = [400 + 37 * (i % 50) for i in range(5000)]

    async def story() -> None:
        await ask(provider, paced(64), sizes, workers=64, until_s=120.0)

    virtually(story)
    assert provider.spent_tokens >= 0.95 * (60_000 + 1000 * 120)
    assert provider.refused <= 0.01 * (provider.accepted + provider.refused)


def test_guesses_at_tokens_that_are_a_tenth_off_are_allowed_for() -> None:
    provider = Provider(1e9, tokens=60_000)
    draw = random.Random(1)
    sizes = [400 + i % 977 for i in range(5000)]
    factor = {size: draw.uniform(0.9, 1.1) for size in sizes}

    async def story() -> None:
        pace = paced(64)
        await ask(
            provider, pace, sizes, workers=64, tokens_of=lambda n: n / 4 * factor[n], until_s=120.0
        )

    virtually(story)
    assert provider.spent_tokens >= 0.95 * (60_000 + 1000 * 120)
    assert provider.refused <= 0.01 * (provider.accepted + provider.refused)


def test_tokens_are_learned_where_a_byte_is_not_a_quarter_of_one() -> None:
    provider = Provider(1e9, tokens=60_000)

    async def story() -> None:
        sizes = [400 + 37 * (i % 50) for i in range(5000)]
        await ask(
            provider, paced(64), sizes, workers=64, tokens_of=lambda n: n / 1.5, until_s=120.0
        )

    virtually(story)
    assert provider.spent_tokens >= 0.95 * (60_000 + 1000 * 120)
    assert provider.refused <= 0.01 * (provider.accepted + provider.refused)


def test_somebody_else_on_the_same_allowance_is_made_room_for() -> None:
    provider = Provider(600)

    async def story() -> None:
        other = asyncio.create_task(ask(provider, paced(8), [400] * 3000, workers=8, until_s=120))
        await ask(provider, paced(64), [400] * 3000, workers=64, until_s=120)
        await other

    virtually(story)
    assert provider.accepted >= 0.95 * (600 + 10 * 120)
    assert provider.refused <= 0.1 * provider.accepted


def test_the_config_tells_what_the_headers_do_not() -> None:
    provider = Provider(600, silent=True)

    async def story() -> None:
        pace = paced(64, requests_per_minute=600)
        await ask(provider, pace, [400] * 3000, workers=64, until_s=120)

    virtually(story)
    assert provider.accepted >= 0.95 * (600 + 10 * 120)
    assert provider.refused <= 0.01 * provider.accepted


def test_without_any_word_refusals_slow_everybody_down_and_it_recovers() -> None:
    provider = Provider(600, silent=True, burst=0.1)

    async def story() -> None:
        await ask(provider, paced(64), [400] * 3000, workers=64, until_s=120)

    virtually(story)
    assert provider.accepted >= 0.8 * (60 + 10 * 120)
    # A refusal costs nothing but its way: each one buys the next guess at what is allowed.
    assert provider.refused <= 0.6 * provider.accepted


def test_the_first_request_goes_alone_and_then_all_of_them() -> None:
    provider = Provider(1e9, latency_s=1.0)

    async def story() -> None:
        pace = paced(32)
        asking = asyncio.create_task(ask(provider, pace, [400] * 64, workers=32))
        await asyncio.sleep(0.5)
        assert provider.in_flight == 1
        await asyncio.sleep(1.0)
        assert provider.in_flight == 32
        await asking

    assert virtually(story) == pytest.approx(3.0)


def test_a_first_request_that_takes_long_holds_nobody_up_for_ever() -> None:
    provider = Provider(1e9, latency_s=600.0)

    async def story() -> None:
        asking = asyncio.create_task(ask(provider, paced(32), [400] * 32, workers=32))
        await asyncio.sleep(PATIENCE_S + 0.1)
        assert provider.in_flight == FIRST + MORE
        await asyncio.sleep(5 * PATIENCE_S)
        assert provider.in_flight == 32
        await asking

    virtually(story)


def test_overload_halves_what_is_in_flight_once_for_those_that_were_sent_together() -> None:
    async def story() -> None:
        pace = paced(16)
        first = await pace.turn(10)
        pace.done(first, {}, input_tokens=1, output_tokens=1)
        together = [await pace.turn(10) for _ in range(16)]
        await asyncio.sleep(1)
        for ticket in together[:4]:
            pace.refused(ticket, {}, overloaded=True, pause_s=None)
        assert pace.window == 8
        for ticket in together[4:]:
            pace.done(ticket, {}, input_tokens=1, output_tokens=1)
        assert pace.window == 16

    virtually(story)


def test_a_pause_holds_for_everybody() -> None:
    async def story() -> None:
        pace = paced(16)
        ticket = await pace.turn(10)
        pace.refused(ticket, {}, overloaded=True, pause_s=7.0)
        await asyncio.gather(*(pace.turn(10) for _ in range(PROBES)))

    assert virtually(story) == pytest.approx(7.0)


def test_a_request_larger_than_the_allowance_waits_for_a_full_bucket_and_goes() -> None:
    bucket = Bucket(60, level=0, at=0.0, most=60)
    assert bucket.wait_s(1000, now=0.0) == pytest.approx(60.0, abs=0.1)
    assert bucket.wait_s(1000, now=60.0) == 0.0


@pytest.mark.parametrize(
    ("level", "remaining", "expected"),
    [
        pytest.param(50, 80, 70, id="more than we thought, what was sent since taken off"),
        pytest.param(90, 40, 40, id="less than we thought: somebody else"),
        pytest.param(75, 80, 75, id="within both readings"),
    ],
)
def test_a_count_is_moved_only_as_far_as_a_response_can_mean(
    level: float, remaining: float, expected: float
) -> None:
    bucket = Bucket(600, level=level, at=10.0, most=600, taken=30.0)
    # Twenty were sent since; ten flowed in.
    bucket.learn(Allowance(600, remaining), taken=10.0, sent_at=9.0, now=10.0)
    assert bucket.level == pytest.approx(expected)


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({}, {}),
        (
            {
                "anthropic-ratelimit-requests-limit": "50",
                "anthropic-ratelimit-requests-remaining": "49",
                "anthropic-ratelimit-output-tokens-limit": "8000",
                "anthropic-ratelimit-output-tokens-remaining": "0",
            },
            {"requests": Allowance(50, 49), "output_tokens": Allowance(8000, 0)},
        ),
        (
            {"x-ratelimit-limit-tokens": "9000", "x-ratelimit-remaining-tokens": "10"},
            {"input_tokens": Allowance(9000, 10)},
        ),
        (
            {
                "anthropic-ratelimit-requests-limit": "many",
                "anthropic-ratelimit-requests-remaining": "1",
            },
            {},
        ),
        (
            {
                "anthropic-ratelimit-requests-limit": "0",
                "anthropic-ratelimit-requests-remaining": "0",
            },
            {},
        ),
        (
            {
                "anthropic-ratelimit-requests-limit": "inf",
                "anthropic-ratelimit-requests-remaining": "nan",
            },
            {},
        ),
    ],
)
def test_headers_are_read_and_nonsense_is_left_out(
    headers: dict[str, str], found: dict[str, Allowance]
) -> None:
    assert read_allowances(headers) == found


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "12"}, 12.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Thu, 01 Jan 1970 00:02:00 GMT"}, 20.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "inf"}, None),
    ],
)
def test_the_time_to_wait_is_read_in_every_form(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert read_retry_after(headers, now_s=100.0) == seconds

from __future__ import annotations

import asyncio

import pytest
from tables import claude, reply

from distill.errors import BudgetError
from distill.ledger import canonical_json
from distill.models import Request
from distill.models.budget import SCHEMA_TOKENS, Budget, Spend, worst_input_tokens, worst_usd
from distill.models.prices import Price


def test_without_a_cap_nothing_is_counted() -> None:
    async def story() -> None:
        budget = Budget(None)
        await budget.reserve(1e9)
        await budget.settle(1e9, 1e9)

    asyncio.run(story())


def test_a_request_that_could_pass_the_cap_is_refused() -> None:
    async def story() -> None:
        budget = Budget(1.0)
        await budget.reserve(0.9)
        await budget.settle(0.9, 0.5)
        with pytest.raises(BudgetError, match=r"0\.5000 of 1 dollars .* in this run") as refused:
            await budget.reserve(0.51)
        assert "does not count towards the next run's cap" in str(refused.value.hint)
        await budget.reserve(0.5)

    asyncio.run(story())


def test_a_request_waits_for_those_in_flight_where_that_helps() -> None:
    async def story() -> None:
        budget = Budget(1.0)
        await budget.reserve(0.8)
        waiting = asyncio.create_task(budget.reserve(0.8))
        await asyncio.sleep(0)
        assert not waiting.done()
        await budget.settle(0.8, 0.1)
        await waiting
        assert (budget.spent_usd, budget.reserved_usd) == (pytest.approx(0.1), 0.8)

    asyncio.run(story())


def test_a_cap_of_nothing_allows_what_is_free() -> None:
    async def story() -> None:
        budget = Budget(0.0)
        await budget.reserve(0.0)
        await budget.settle(0.0, 0.0)
        with pytest.raises(BudgetError):
            await budget.reserve(1e-9)

    asyncio.run(story())


def test_many_at_once_never_pass_the_cap_and_use_it_up() -> None:
    async def story() -> tuple[int, float]:
        budget, sent = Budget(1.0), 0

        async def one() -> None:
            nonlocal sent
            await budget.reserve(0.1)
            assert budget.spent_usd + budget.reserved_usd <= 1.0 + 1e-12
            await asyncio.sleep(0)
            sent += 1
            await budget.settle(0.1, 0.05)

        done = await asyncio.gather(*(one() for _ in range(50)), return_exceptions=True)
        assert all(out is None or isinstance(out, BudgetError) for out in done)
        return sent, budget.spent_usd

    sent, spent = asyncio.run(story())
    assert spent == pytest.approx(sent * 0.05)
    assert 0.9 < spent <= 1.0


def test_spend_counts_paid_and_cached_apart() -> None:
    spend = Spend("m", Price(2.0, 10.0))
    paid_usd = spend.add(reply(input_tokens=1_000_000, output_tokens=100_000))
    spend.add_cached("other")

    assert paid_usd == pytest.approx(3.0)
    assert (spend.requests, spend.cached) == (1, 1)
    assert spend.cost_usd == pytest.approx(3.0)
    assert spend.served == {"m", "other"}


def test_an_unknown_price_is_unknown_only_where_something_was_paid() -> None:
    spend = Spend("m", None)
    spend.add_cached("m")
    assert spend.cost_usd == 0.0
    spend.add(reply())
    assert spend.cost_usd is None


def test_a_lost_attempt_is_booked_at_its_dearest_and_another_wants_room() -> None:
    async def story() -> None:
        budget = Budget(1.0)
        async with budget.room(0.4) as room:
            room.lose()
            await room.again()
            assert (budget.spent_usd, budget.reserved_usd) == (0.4, 0.4)
            room.lose()
            with pytest.raises(BudgetError, match=r"\(0\.8000 of them may have been billed"):
                await room.again()
        assert (budget.spent_usd, budget.reserved_usd, budget.in_flight) == (0.8, 0.0, 0)

    asyncio.run(story())


def test_the_dearest_case_has_all_of_the_input_written_to_a_cache() -> None:
    plain, cached = Price(1.0, 1.0), Price(1.0, 1.0, cache_write=1.25, cache_read=0.1)

    assert worst_usd(plain, 1_000_000, 0) == pytest.approx(1.0)
    assert worst_usd(cached, 1_000_000, 0) == pytest.approx(1.25)


def test_the_dearest_request_is_a_token_a_byte_and_a_schema_more() -> None:
    plain = Request(prompt='a "schema": of ü')
    bound = Request(prompt="p", schema={"type": "object"})
    texts = [canonical_json(claude().wire(request)) for request in (plain, bound)]

    assert worst_input_tokens(texts[0]) == len(texts[0].encode())
    assert worst_input_tokens(texts[1]) == len(texts[1].encode()) + SCHEMA_TOKENS


def test_what_caching_saved_is_below_zero_where_nobody_read_it() -> None:
    spend = Spend("m", Price(1.0, 0.0, cache_write=1.25, cache_read=0.1))
    spend.add(reply(input_tokens=1_000_000, output_tokens=0, cache_write_tokens=1_000_000))
    assert spend.cache_saved_usd == pytest.approx(-0.25)
    spend.add(reply(input_tokens=1_000_000, output_tokens=0, cache_read_tokens=1_000_000))
    assert spend.cache_saved_usd == pytest.approx(0.65)


def test_what_another_run_has_sent_is_counted_and_never_refused() -> None:
    async def story() -> None:
        budget = Budget(1.0)
        await budget.hold(1.5)
        waiting = asyncio.create_task(budget.reserve(0.5))
        await asyncio.sleep(0)
        assert not waiting.done()
        await budget.settle(1.5, 0.4)
        await waiting
        assert budget.fits(0.09)
        assert not budget.fits(0.11)
        budget.widen(0.09)
        assert not budget.fits(0.02)

    asyncio.run(story())

"""The cap holds against what a provider bills, whatever becomes of the answers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from test_client import Parrot, requests

from distill.errors import BudgetError, ModelError
from distill.ledger import Ledger
from distill.models import client as client_module
from distill.models.budget import Budget
from distill.models.client import ModelClient
from distill.models.prices import Price
from distill.models.protocol import FailedRequestError, Reply, Sent
from distill.progress import Progress

MAX_TOKENS = 10


class Billing(Parrot):
    """A provider that bills every request that it worked on, whether or not we hear of it.

    Latencies, token counts and failures come from a seed.
    """

    def begin(self, price: Price, seed: int) -> None:
        self.price, self.draw, self.billed_usd = price, random.Random(seed), 0.0
        self.most_billed_usd, self.max_tokens, self.max_retries = 0.0, MAX_TOKENS, 3
        self.timeout_s = 0.05

    def bill(self, request: str) -> dict[str, Any]:
        size = len(request.encode())
        usage = {"input": self.draw.randint(1, size), "output": self.draw.randint(0, MAX_TOKENS)}
        self.billed_usd += self.price.cost_usd(
            input_tokens=usage["input"],
            output_tokens=usage["output"],
            cache_write_tokens=usage["input"],
        )
        return usage

    def read(self, body: Any) -> Reply:
        if "usage" not in body:
            raise ValueError("half a body")
        usage = body["usage"]
        return Reply(
            text="a",
            stop_reason="end_turn",
            served_model=self.model,
            input_tokens=usage["input"],
            output_tokens=usage["output"],
            cache_write_tokens=usage["input"],
        )

    def connect(self, name: str) -> Any:
        from contextlib import asynccontextmanager

        @asynccontextmanager
        async def opened() -> Any:
            yield self.answer_one

        return opened()

    async def answer_one(self, request: str) -> Sent:
        self.asked.append(request)
        for _ in range(self.draw.randint(0, 5)):
            await asyncio.sleep(0)
        fate = self.draw.choices(
            ["answered", "refused", "lost", "half", "late"], [60, 10, 10, 5, 5]
        )[0]
        if fate == "refused":
            raise FailedRequestError("HTTP 529", retry=True, retry_after_s=0.0)
        usage = self.bill(request)
        if fate == "lost":
            raise FailedRequestError("cut", retry=True, retry_after_s=0.0, maybe_billed=True)
        if fate == "late":
            await asyncio.sleep(self.timeout_s * 2)
        return Sent(body={"usage": usage} if fate != "half" else {})


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(str(tmp_path / "ledger.db"), synchronous="NORMAL") as opened:
        yield opened


@pytest.mark.parametrize("seed", range(20))
def test_the_cap_is_never_passed_by_what_was_billed(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    draw = random.Random(seed)
    price = Price(
        draw.uniform(0, 1e4), draw.uniform(0, 1e5), cache_write=draw.choice([1.0, 1.25, 2.0])
    )
    monkeypatch.setattr(client_module, "price_of", lambda *_, **_more: price)
    teacher = Billing(concurrency=draw.randint(1, 20))
    judge = Billing(concurrency=draw.randint(1, 20), namespace="judge")
    teacher.begin(price, seed)
    judge.begin(price, seed + 1)
    cap = draw.uniform(0, 40 * price.cost_usd(input_tokens=60, output_tokens=MAX_TOKENS))
    budget = Budget(cap)
    client = ModelClient(ledger, budget, Progress(Console(quiet=True)))

    stopped = False
    try:
        for votes in range(2):
            client.ask("teacher", teacher, requests(*map(str, range(15)), sample=votes))
            client.ask("judge", judge, requests(*map(str, range(15)), sample=votes))
    except (BudgetError, ModelError):
        stopped = True

    billed_usd = teacher.billed_usd + judge.billed_usd
    assert billed_usd <= cap
    assert billed_usd <= budget.spent_usd + 1e-9
    assert budget.spent_usd <= cap + 1e-9
    told_usd = sum((spend.cost_usd or 0.0) + spend.maybe_usd for spend in client.spend.values())
    assert told_usd == pytest.approx(budget.spent_usd)
    assert stopped or len(teacher.asked) + len(judge.asked) >= 60


def test_an_attempt_that_was_lost_wants_room_for_the_next(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    price = Price(0.0, 1e5)
    one_usd = price.cost_usd(input_tokens=0, output_tokens=MAX_TOKENS)
    monkeypatch.setattr(client_module, "price_of", lambda *_, **_more: price)

    async def lost(prompt: str) -> str:
        raise FailedRequestError("cut", retry=True, retry_after_s=0.0, maybe_billed=True)

    parrot = Parrot(lost, max_retries=9)
    client = ModelClient(ledger, Budget(2.5 * one_usd), Progress(Console(quiet=True)))
    with pytest.raises(BudgetError):
        client.ask("teacher", parrot, requests("a"))

    assert len(parrot.asked) == 2
    assert client.spend["teacher"].lost == 2
    assert client.spend["teacher"].cost_usd == 0.0
    assert client.spend["teacher"].maybe_usd == pytest.approx(2 * one_usd)


def test_what_a_provider_turned_away_costs_nothing(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "price_of", lambda *_, **_more: Price(0.0, 1e5))

    async def refused(prompt: str) -> str:
        if len(parrot.asked) < 5:
            raise FailedRequestError("HTTP 529", retry=True, retry_after_s=0.0)
        return "an answer"

    parrot = Parrot(refused, max_retries=9)
    client = ModelClient(ledger, Budget(1.5), Progress(Console(quiet=True)))
    client.ask("teacher", parrot, requests("a"))

    assert len(parrot.asked) == 5
    assert client.spend["teacher"].lost == 0

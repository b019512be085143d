"""The client against a model of the tests' own, and several processes on one ledger."""

from __future__ import annotations

import asyncio
import json
import math
import re
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from fake_api import Hang
from rich.console import Console
from workbench import QUESTIONS, Workbench

from distill.errors import BudgetError, LedgerError, ModelError
from distill.ledger import Ledger, canonical_json
from distill.models import Failure, Reply, Request
from distill.models.breaker import AT_LEAST, FAILED_ATTEMPTS, UNANSWERED
from distill.models.budget import Budget
from distill.models.client import ModelClient
from distill.models.limits import Limits
from distill.models.protocol import FailedRequestError, Send, Sent
from distill.models.receipts import StrangeUsageWarning
from distill.progress import Progress

Answer = Callable[[str], Awaitable[str]]
NO_LIMITS = Limits(
    requests_per_minute=None, input_tokens_per_minute=None, output_tokens_per_minute=None
)


async def echo(prompt: str) -> str:
    return f"to {prompt}"


@dataclass
class Parrot:
    """A model in this process: it answers by a coroutine and counts what it is asked."""

    answer: Answer = echo
    model: str = "parrot-1"
    served: str = "parrot-1"
    concurrency: int = 4
    samples: int = 1
    max_tokens: int = 10
    timeout_s: float = 5.0
    max_retries: int = 0
    limits: Limits = field(default_factory=NO_LIMITS.copy)
    provider: str = "local"
    namespace: str = "parrot"
    scores_labels: bool = False
    asked: list[str] = field(default_factory=list)
    connections: int = 0
    in_flight: int = 0
    max_in_flight: int = 0

    def wire(self, request: Request) -> dict[str, Any]:
        return {"model": self.model, "prompt": request.prompt, "max_tokens": 10}

    def read(self, body: Mapping[str, Any]) -> Reply:
        if "text" not in body:
            raise ValueError("no parrot")
        return Reply(
            text=body["text"],
            stop_reason="end_turn",
            served_model=self.served,
            input_tokens=1,
            output_tokens=1,
        )

    def check_served(self, served_model: str) -> None:
        if served_model != self.model:
            raise ModelError(f"served {served_model}")

    @asynccontextmanager
    async def connect(self, name: str) -> AsyncIterator[Callable[..., Awaitable[Sent]]]:
        del name
        self.connections += 1

        async def send(request: str) -> Sent:
            body = json.loads(request)
            self.asked.append(body["prompt"])
            self.in_flight += 1
            self.max_in_flight = max(self.max_in_flight, self.in_flight)
            try:
                return Sent(body={"text": await self.answer(body["prompt"])}, request_id="r")
            finally:
                self.in_flight -= 1

        yield send


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(str(tmp_path / "ledger.db"), synchronous="NORMAL") as opened:
        yield opened


def client_on(ledger: Ledger, max_usd: float | None = None) -> ModelClient:
    return ModelClient(ledger, Budget(max_usd), Progress(Console(quiet=True)))


def requests(*prompts: str, sample: int = 0) -> list[Request]:
    return [Request(prompt=prompt, sample=sample) for prompt in prompts]


def test_outcomes_come_in_the_order_of_the_requests(ledger: Ledger) -> None:
    async def later_first(prompt: str) -> str:
        for _ in range(20 - int(prompt)):
            await asyncio.sleep(0)
        return prompt

    prompts = [str(i) for i in range(20)]
    parrot = Parrot(later_first, concurrency=20)
    outcomes = list(client_on(ledger).ask("teacher", parrot, requests(*prompts)))

    assert [out.text for out in outcomes if isinstance(out, Reply)] == prompts
    assert parrot.connections == 1


@pytest.mark.parametrize("concurrency", [1, 3])
def test_no_more_requests_are_in_flight_than_allowed(ledger: Ledger, concurrency: int) -> None:
    async def slow(prompt: str) -> str:
        for _ in range(100):
            await asyncio.sleep(0)
        return prompt

    parrot = Parrot(slow, concurrency=concurrency)
    client_on(ledger).ask("teacher", parrot, requests(*map(str, range(12))))

    assert parrot.max_in_flight == concurrency


def test_what_the_ledger_holds_opens_no_connection(ledger: Ledger) -> None:
    first, second = Parrot(), Parrot()
    client_on(ledger).ask("teacher", first, requests("a", "b"))
    client = client_on(ledger)
    outcomes = list(client.ask("teacher", second, requests("b", "a", "b")))

    assert [out.text for out in outcomes if isinstance(out, Reply)] == ["to b", "to a", "to b"]
    assert all(isinstance(out, Reply) and out.cached for out in outcomes)
    assert (second.connections, second.asked) == (0, [])
    assert (client.spend["teacher"].requests, client.spend["teacher"].cached) == (0, 2)


def test_equal_requests_are_one_and_samples_are_several(ledger: Ledger) -> None:
    parrot = Parrot()
    client = client_on(ledger)
    client.ask("teacher", parrot, [*requests("a", "a", "a"), *requests("a", sample=1)])

    assert parrot.asked == ["a", "a"]
    assert len(client.used) == 2


def test_nothing_to_ask_opens_no_connection(ledger: Ledger) -> None:
    parrot = Parrot()
    assert list(client_on(ledger).ask("teacher", parrot, [])) == []
    assert parrot.connections == 0


def test_a_failure_is_an_outcome_and_is_not_kept(ledger: Ledger) -> None:
    async def some(prompt: str) -> str:
        if prompt == "b":
            raise FailedRequestError("HTTP 500")
        return prompt

    client = client_on(ledger)
    outcomes = list(client.ask("teacher", Parrot(some), requests("a", "b", "c")))

    assert [type(out) for out in outcomes] == [Reply, Failure, Reply]
    assert isinstance(outcomes[1], Failure)
    assert outcomes[1].detail == "HTTP 500, after 1 attempt"
    assert ledger.count() == len(client.used) == 2
    assert client.spend["teacher"].failed == 1

    again = Parrot()
    client_on(ledger).ask("teacher", again, requests("a", "b", "c"))
    assert again.asked == ["b"]


def test_a_fatal_failure_stops_and_cancels_the_rest(ledger: Ledger) -> None:
    async def refused(prompt: str) -> str:
        if prompt == "0":
            raise FailedRequestError("HTTP 401", fatal=True)
        await asyncio.Event().wait()
        return "never"

    parrot = Parrot(refused)
    with pytest.raises(ModelError, match="401"):
        client_on(ledger).ask("teacher", parrot, requests(*map(str, range(50))))
    assert len(parrot.asked) <= parrot.concurrency


def test_an_endpoint_that_never_answered_is_left_alone_at_once(ledger: Ledger) -> None:
    async def down(prompt: str) -> str:
        raise FailedRequestError("connection refused", retry=True)

    parrot = Parrot(down, concurrency=8)
    with pytest.raises(ModelError, match="connection refused"):
        client_on(ledger).ask("teacher", parrot, requests(*map(str, range(500))))
    assert len(parrot.asked) <= 2 * UNANSWERED


@pytest.mark.parametrize("maybe_billed", [False, True])
def test_attempts_alone_tell_that_an_endpoint_never_answers(
    ledger: Ledger, maybe_billed: bool
) -> None:
    async def down(prompt: str) -> str:
        raise FailedRequestError(
            "HTTP 500", retry=True, retry_after_s=0.001, maybe_billed=maybe_billed
        )

    parrot, client = Parrot(down, concurrency=8, max_retries=100), client_on(ledger)
    with pytest.raises(ModelError) as stopped:
        client.ask("teacher", parrot, requests(*map(str, range(500))))

    attempts, tried = len(parrot.asked), len(set(parrot.asked))
    assert FAILED_ATTEMPTS <= attempts <= FAILED_ATTEMPTS + 2 * parrot.concurrency
    assert re.search(
        rf"teacher: stopped early: \d+ attempts at {tried} requests failed and none succeeded. "
        rf"{500 - tried} requests were not tried. The last one: HTTP 500.",
        str(stopped.value),
    )
    assert (client.spend["teacher"].lost >= FAILED_ATTEMPTS) == maybe_billed


def test_an_endpoint_that_comes_up_late_is_waited_for(ledger: Ledger) -> None:
    async def third_time(prompt: str) -> str:
        if parrot.asked.count(prompt) < 3:
            raise FailedRequestError("HTTP 500", retry=True, retry_after_s=0.001)
        return prompt

    parrot = Parrot(third_time, concurrency=30, max_retries=2)
    outcomes = list(client_on(ledger).ask("teacher", parrot, requests(*map(str, range(30)))))
    assert all(isinstance(out, Reply) for out in outcomes)


def test_an_endpoint_that_went_down_is_left_alone_after_a_few_failures(ledger: Ledger) -> None:
    async def down(prompt: str) -> str:
        # One in twenty still comes through: nearly everything is not everything.
        if int(prompt) % 20:
            raise FailedRequestError("HTTP 500", retry=True)
        return prompt

    parrot = Parrot(down, concurrency=2)
    with pytest.raises(ModelError, match=r"\d+ of the last \d+ requests failed"):
        client_on(ledger).ask("teacher", parrot, requests(*map(str, range(500))))
    assert AT_LEAST <= len(parrot.asked) <= 2 * AT_LEAST


def test_bad_requests_among_good_ones_stop_nothing(ledger: Ledger) -> None:
    async def some(prompt: str) -> str:
        if int(prompt) % 5:
            raise FailedRequestError("HTTP 400, prompt is too long")
        return prompt

    outcomes = list(client_on(ledger).ask("teacher", Parrot(some), requests(*map(str, range(100)))))
    assert sum(isinstance(out, Reply) for out in outcomes) == 20


def test_an_attempt_that_may_help_is_made_and_paid_for_once(ledger: Ledger) -> None:
    async def third_time(prompt: str) -> str:
        if parrot.asked.count(prompt) < 3:
            raise FailedRequestError("HTTP 529", retry=True, overloaded=True, retry_after_s=0.01)
        return prompt

    parrot = Parrot(third_time, max_retries=2)
    client = client_on(ledger)
    outcomes = list(client.ask("teacher", parrot, requests(*map(str, range(10)))))

    assert all(isinstance(out, Reply) for out in outcomes)
    assert len(parrot.asked) == 30
    assert (client.spend["teacher"].requests, client.spend["teacher"].failed) == (10, 0)


def test_a_request_is_given_up_after_its_last_attempt(ledger: Ledger) -> None:
    async def never(prompt: str) -> str:
        if prompt == "b":
            raise FailedRequestError("HTTP 500", retry=True, retry_after_s=0.001)
        return prompt

    parrot = Parrot(never, max_retries=4)
    outcomes = list(client_on(ledger).ask("teacher", parrot, requests("a", "b", "c")))

    assert isinstance(outcomes[1], Failure)
    assert outcomes[1].detail == "HTTP 500, after 5 attempts"
    assert parrot.asked.count("b") == 5


def test_a_wait_longer_than_the_time_budget_is_not_waited_for(ledger: Ledger) -> None:
    async def later(prompt: str) -> str:
        if prompt == "b":
            raise FailedRequestError("HTTP 429", retry=True, overloaded=True, retry_after_s=4e9)
        return prompt

    parrot = Parrot(later, max_retries=9)
    outcomes = list(client_on(ledger).ask("teacher", parrot, requests("a", "b", "c", "d")))

    assert [type(out) for out in outcomes] == [Reply, Failure, Reply, Reply]
    assert isinstance(outcomes[1], Failure)
    assert "longer than its time budget" in outcomes[1].detail
    assert parrot.asked.count("b") == 1


def test_a_refusal_holds_everybody_for_as_long_as_it_says(ledger: Ledger) -> None:
    asked_at: list[float] = []

    async def refused_once(prompt: str) -> str:
        asked_at.append(monotonic())
        if prompt == "5" and parrot.asked.count("5") == 1:
            raise FailedRequestError("HTTP 429", retry=True, overloaded=True, retry_after_s=0.5)
        return prompt

    parrot = Parrot(refused_once, concurrency=1, max_retries=1)
    client_on(ledger).ask("teacher", parrot, requests(*map(str, range(10))))

    assert parrot.asked == ["0", "1", "2", "3", "4", "5", "5", "6", "7", "8", "9"]
    assert asked_at[6] - asked_at[5] >= 0.5


def test_one_failure_among_answers_out_of_the_ledger_is_an_outcome(ledger: Ledger) -> None:
    client_on(ledger).ask("teacher", Parrot(), requests("a", "b"))

    async def too_long(prompt: str) -> str:
        raise FailedRequestError("HTTP 400, prompt is too long")

    outcomes = list(client_on(ledger).ask("teacher", Parrot(too_long), requests("a", "b", "c")))
    assert [type(out) for out in outcomes] == [Reply, Reply, Failure]


def test_a_wrong_model_is_kept_in_the_ledger_and_stops(ledger: Ledger) -> None:
    with pytest.raises(ModelError, match="parrot-2"):
        client_on(ledger).ask("teacher", Parrot(served="parrot-2"), requests("a"))
    assert ledger.count() == 1


def test_a_body_of_another_provider_is_a_failure(ledger: Ledger) -> None:
    class Mute(Parrot):
        def read(self, body: Mapping[str, Any]) -> Reply:
            if body["text"] == "to b":
                raise ValueError("no such thing")
            return super().read(body)

    outcomes = list(client_on(ledger).ask("teacher", Mute(), requests("a", "b")))
    assert isinstance(outcomes[1], Failure)
    assert "no such thing" in outcomes[1].detail


@pytest.mark.parametrize("tokens", [2**63, -1])
def test_a_number_of_tokens_that_cannot_be_is_a_failure(ledger: Ledger, tokens: int) -> None:
    class Boaster(Parrot):
        def read(self, body: Mapping[str, Any]) -> Reply:
            return replace(super().read(body), output_tokens=tokens * (body["text"] == "to b"))

    outcomes = list(client_on(ledger).ask("teacher", Boaster(), requests("a", "b")))
    assert [type(out) for out in outcomes] == [Reply, Failure]


def test_a_reply_with_a_number_that_is_none_is_told_in_a_sentence(ledger: Ledger) -> None:
    class Endless(Parrot):
        @asynccontextmanager
        async def connect(self, name: str) -> AsyncIterator[Send]:
            async with super().connect(name) as send:

                async def sent(request: str) -> Sent:
                    answer = await send(request)
                    endless = "to b" in answer.body.values()
                    return Sent(body=answer.body | {"n": math.inf if endless else 1})

                yield sent

    outcomes = list(client_on(ledger).ask("teacher", Endless(), requests("a", "b")))
    assert isinstance(outcomes[1], Failure)
    assert outcomes[1].detail == "the reply holds NaN or Infinity, which JSON has no numbers for"


def test_tokens_that_are_not_told_are_counted_at_their_most_and_told_once(ledger: Ledger) -> None:
    class Silent(Parrot):
        def read(self, body: Mapping[str, Any]) -> Reply:
            return replace(super().read(body), input_tokens=0, output_tokens=0, tokens_told=False)

    model, client = Silent(), client_on(ledger)
    with pytest.warns(StrangeUsageWarning, match="does not say how many tokens") as told:
        outcomes = list(client.ask("teacher", model, requests("a", "b")))

    assert [type(out) for out in outcomes] == [Reply, Reply]
    assert len(told) == 1
    spend, sent = client.spend["teacher"], canonical_json(model.wire(requests("a")[0]))
    assert (spend.input_tokens, spend.output_tokens) == (2 * len(sent), 2 * model.max_tokens)


@pytest.mark.parametrize(
    ("usage", "said"),
    [
        ({"input_tokens": 5_000_000}, "5000000 tokens, and"),
        ({"output_tokens": 10**6}, "max_tokens"),
    ],
)
def test_tokens_that_cannot_be_are_counted_and_told_once(
    ledger: Ledger, usage: dict[str, int], said: str
) -> None:
    class Boaster(Parrot):
        def read(self, body: Mapping[str, Any]) -> Reply:
            return replace(super().read(body), **usage)  # type: ignore[arg-type]

    client = client_on(ledger)
    with pytest.warns(StrangeUsageWarning, match=said) as told:
        list(client.ask("teacher", Boaster(), requests("a", "b")))

    assert len(told) == 1
    assert client.spend["teacher"].requests == 2
    for name, tokens in usage.items():
        assert getattr(client.spend["teacher"], name) == 2 * tokens


def test_a_response_that_cannot_be_kept_stops_the_run(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(entries: Any) -> None:
        raise LedgerError("the disk is full")

    monkeypatch.setattr(ledger, "put", full)
    parrot = Parrot(concurrency=2)
    with pytest.raises(LedgerError, match="full"):
        client_on(ledger).ask("teacher", parrot, requests(*map(str, range(50))))
    assert len(parrot.asked) <= 4


def test_a_fault_of_our_own_in_keeping_a_response_does_not_hang(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(entries: Any) -> None:
        raise RuntimeError("a fault of our own")

    monkeypatch.setattr(ledger, "put", broken)

    ended: list[BaseException] = []

    def ask() -> None:
        try:
            client_on(ledger).ask("teacher", Parrot(), requests("a"))
        except BaseException as error:
            ended.append(error)

    # Left behind where it hangs; the ledger's thread dies with the process.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(timeout=5)
    assert [str(error) for error in ended] == ["a fault of our own"]


def test_spend_is_booked_by_role(ledger: Ledger) -> None:
    client = client_on(ledger)
    client.ask("teacher", Parrot(), requests("a", "b"))
    client.ask("judge", Parrot(model="parrot-1"), requests("c"))

    assert {role: spend.requests for role, spend in client.spend.items()} == {
        "teacher": 2,
        "judge": 1,
    }
    assert client.spend["teacher"].cost_usd == 0.0
    assert client.spend["teacher"].served == {"parrot-1"}


def test_the_ledger_holds_what_was_sent_and_what_came_back(ledger: Ledger) -> None:
    client = client_on(ledger)
    client.ask("teacher", Parrot(), requests("é", sample=2))
    (entry,) = ledger.get_many(client.used)

    assert json.loads(entry.request) == {"model": "parrot-1", "prompt": "é", "max_tokens": 10}
    assert json.loads(entry.body) == {"text": "to é"}
    assert (entry.sample, entry.provider, entry.request_id) == (2, "local", "r")


def test_a_dear_request_is_not_sent(ledger: Ledger) -> None:
    parrot = Parrot(provider="anthropic", model="claude-opus-5-5", served="claude-opus-5-5")
    with pytest.raises(BudgetError, match=r"budget\.max_usd"):
        client_on(ledger, max_usd=1e-6).ask("teacher", parrot, requests("a"))
    assert parrot.asked == []


def test_two_processes_at_once_pay_for_each_response_once(bench: Workbench) -> None:
    questions = [f"Question {i} about lakes?" for i in range(40)]
    bench.write("seeds.jsonl", [{"question": question} for question in questions])
    bench.api.teacher = lambda prompt, body, attempt: (
        Hang("an answer") if "Question 0 " in prompt else "an answer"
    )

    def words(name: str) -> list[str]:
        return bench.words("judge=none", "filter=none", f"paths.out=runs/{name}")

    with bench.start(words("a")) as a, bench.start(words("b")) as b:
        # Everything but the first question is answered; both wait for that one.
        bench.api.wait_for("teacher", 40, unless=lambda: a.poll() or b.poll())
        bench.api.released.set()
        ends = [process.communicate(timeout=60) for process in (a, b)]

    assert (a.returncode, b.returncode) == (0, 0), ends
    assert bench.api.count("teacher") == 40
    manifests = [
        json.loads((bench.folder / "runs" / name / "manifest.json").read_text()) for name in "ab"
    ]
    assert sum(manifest["teacher"]["requests"] for manifest in manifests) == 40
    assert len({manifest["dataset_sha256"] for manifest in manifests}) == 1
    assert len(QUESTIONS) < 40

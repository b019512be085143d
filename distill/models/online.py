"""One request at a time a worker: many in flight, at the pace that the endpoint allows.

A request has a time budget for all its attempts, which runs from its first one. An interrupt lets
the requests in flight come home, since they are paid for; a second one does not wait for them.
"""

from __future__ import annotations

import asyncio
import random
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from distill.errors import ModelError
from distill.ledger import Claims
from distill.ledger.flow import ClaimQueue, held
from distill.models.breaker import Breaker
from distill.models.budget import Budget, Room
from distill.models.pace import Pace, Ticket
from distill.models.protocol import FailedRequestError, Failure, Send, Sent
from distill.models.receipts import Receipt, Receipts, Wanted

FIRST_BACKOFF_S = 0.5
MAX_BACKOFF_S = 8.0


@dataclass
class OnlineCalls:
    """Calls of one role to one model, for what the ledger could not answer.

    Args:
        role: `teacher` or `judge`.
        send: Sends one body once.
        receipts: Takes in what comes back.
        budget: The dollar cap over all roles.
        wanted: Makes what is sent, by key.
        on_answered: Told of keys that others paid for in the meantime.
        on_end: Told of a request of ours that was answered, or of its failure.
    """

    role: str
    send: Send
    receipts: Receipts
    budget: Budget
    wanted: Callable[[str], Wanted]
    on_answered: Callable[[frozenset[str]], None]
    on_end: Callable[[Failure | None], None]
    _workers: list[asyncio.Task[None]] = field(default_factory=list)
    _in_flight: set[asyncio.Task[None]] = field(default_factory=set)
    _stopping: bool = False

    def __post_init__(self) -> None:
        """Start slowly, with nothing known."""
        model = self.receipts.model
        self._pace = Pace(model.limits, most=model.concurrency, reply_tokens=model.max_tokens)
        self._breaker = Breaker(self.role)

    async def run(self, keys: Sequence[str], claims: Claims) -> None:
        """Ask for everything that nobody else is paying for, and wait for the rest.

        Raises:
            KeyboardInterrupt: the user stopped it; what was in flight has been kept.
            ModelError: nearly everything fails, a key is refused, or the wrong model answers.
            BudgetError: the next request could pass the cap.
            LedgerError: a response could not be kept; nothing further was sent.
        """
        self._breaker.total = len(keys)
        queue = ClaimQueue(claims, keys)
        with interrupts(self._interrupted):
            async with held(claims), asyncio.TaskGroup() as group:
                for _ in range(min(self.receipts.model.concurrency, len(keys))):
                    self._workers.append(group.create_task(self._work(queue)))
        if self._stopping:
            raise KeyboardInterrupt

    async def _work(self, queue: ClaimQueue) -> None:
        while not self._stopping and (claimed := await queue.next()) is not None:
            if claimed.answered:
                self._breaker.elsewhere(len(claimed.answered))
                self.on_answered(claimed.answered)
            for key in claimed.granted:
                failure = await self._pay(self.wanted(key))
                self.on_end(failure)

    async def _pay(self, wanted: Wanted) -> Failure | None:
        """Pay for one response: reserve, send, keep it durably, and only then count it."""
        worst_usd = self.receipts.spend.worst_usd(wanted.request, self.receipts.model.max_tokens)
        async with self.budget.room(worst_usd) as room:
            try:
                sent, ticket = await self._answer(wanted, room)
                receipt = self._read(wanted, sent, ticket)
                room.cost_usd = receipt.cost_usd
                self._breaker.answered()
                await self.receipts.keep(receipt.entry)
            except FailedRequestError as error:
                if error.maybe_billed:
                    self._lose(room)
                return self._failed(wanted, error)
            finally:
                self._in_flight.discard(_this_task())
        return None

    async def _answer(self, wanted: Wanted, room: Room) -> tuple[Sent, Ticket]:
        """Send until an answer comes, no attempt would help, or the time is up."""
        model, clock = self.receipts.model, asyncio.get_running_loop().time
        deadline, attempt = float("inf"), 0
        while True:
            ticket = await self._pace.turn(len(wanted.request))
            attempt += 1
            if attempt == 1:
                self._breaker.begun()
                deadline = clock() + model.timeout_s
            self._in_flight.add(_this_task())
            try:
                async with asyncio.timeout_at(deadline):
                    return await self.send(wanted.request), ticket
            except TimeoutError:
                late = f"no answer within {model.timeout_s:g} s"
                error = FailedRequestError(late, overloaded=True, maybe_billed=True)
            except FailedRequestError as failed:
                error = failed
            except BaseException:
                self._pace.leave()
                raise
            self._in_flight.discard(_this_task())
            left_s = deadline - clock()
            pause_s = wait_s(error, attempt) if attempt <= model.max_retries else None
            again = error.retry and pause_s is not None and pause_s < left_s and not self._stopping
            told_to_wait = error.retry_after_s is not None and error.retry_after_s < left_s
            self._pace.refused(
                ticket,
                error.headers,
                overloaded=error.overloaded,
                pause_s=error.retry_after_s if told_to_wait else None,
            )
            if not again or pause_s is None:
                raise _told(error, attempt, left_s)
            if error.maybe_billed:
                self._lose(room)
            failure = Failure(detail=error.detail, key=wanted.key)
            self._breaker.attempt_failed(failure, attempt, overloaded=error.overloaded)
            if error.maybe_billed:
                await room.again()
            await asyncio.sleep(pause_s)

    def _lose(self, room: Room) -> None:
        """Count an attempt that may have been billed and brought nothing."""
        self.receipts.spend.lose(room.worst_usd)
        room.lose()

    def _read(self, wanted: Wanted, sent: Sent, ticket: Ticket) -> Receipt:
        try:
            receipt = self.receipts.read(wanted, sent)
        except FailedRequestError:
            self._pace.leave()
            raise
        self._pace.done(
            ticket,
            sent.headers,
            input_tokens=receipt.reply.input_tokens,
            output_tokens=receipt.reply.output_tokens,
        )
        return receipt

    def _failed(self, wanted: Wanted, error: FailedRequestError) -> Failure:
        """Count a request that failed for good."""
        self.receipts.spend.failed += 1
        if error.fatal:
            model = self.receipts.model.model
            raise ModelError(f"{model}: {error.detail}.", hint="see `distill doctor`") from error
        failure = Failure(detail=error.detail, key=wanted.key)
        if not self._stopping:
            self._breaker.failed(failure, reached=not error.retry)
        return failure

    def _interrupted(self) -> None:
        """Stop at the first interrupt as soon as nothing is in flight, at the second at once."""
        waiting = [worker for worker in self._workers if worker not in self._in_flight]
        if self._stopping:
            waiting = self._workers
        elif self._in_flight:
            sys.stderr.write(
                f"\nstopping: {len(self._in_flight)} requests are in flight and will be kept; "
                "interrupt again to lose them.\n"
            )
        self._stopping = True
        for worker in waiting:
            worker.cancel()


def wait_s(error: FailedRequestError, attempt: int) -> float:
    """Return the seconds until another attempt: what the provider says, or twice as long each."""
    if error.retry_after_s is not None:
        return error.retry_after_s
    backoff_s = min(MAX_BACKOFF_S, FIRST_BACKOFF_S * 2.0 ** (attempt - 1))
    # So that those who failed together do not come back together; it shapes no result.
    return backoff_s * random.uniform(0.5, 1.0)  # noqa: S311


def _told(error: FailedRequestError, attempts: int, left_s: float) -> FailedRequestError:
    """Return the failure with the number of attempts, and why there was no further one."""
    detail = f"{error.detail}, after {attempts} attempt{'s' * (attempts != 1)}"
    if error.retry_after_s is not None and error.retry_after_s >= left_s:
        detail += f"; asked to wait {error.retry_after_s:g} s, longer than its time budget"
    return FailedRequestError(
        detail, fatal=error.fatal, retry=error.retry, maybe_billed=error.maybe_billed
    )


def _this_task() -> asyncio.Task[None]:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - only workers come here
    return task


@contextmanager
def interrupts(told: Callable[[], None]) -> Iterator[None]:
    """Call `told` at an interrupt from the keyboard in place of what Python would do."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = signal.getsignal(signal.SIGINT)
    loop.add_signal_handler(signal.SIGINT, told)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)

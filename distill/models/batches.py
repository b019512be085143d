"""Requests in batches: cheaper, within a day, and paid for once whatever happens on the way.

What is sent is written down first. A process that dies or is interrupted leaves its batches under
way, and the same command finds them again: by their ids, or, where an id was never heard, among the
provider's batches by the token that is part of every item's id.

batch_api.py        what a provider's batches are to us
message_batches.py  Anthropic's
batch_parcel.py     one batch, and what all parts share
batch_sending.py    batches made and handed over
batch_finding.py    those of which nobody heard whether they arrived
batch_results.py    what they came to
batch_told.py       what the user is told of them
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter, deque
from collections.abc import Coroutine, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from distill.ledger import Claims
from distill.ledger.batches import OpenBatch
from distill.ledger.claims import KEYS_AT_ONCE
from distill.ledger.flow import LEASE_S, held
from distill.models.batch_api import BatchState, NoBatchError, moment
from distill.models.batch_parcel import Dealings, Parcel, pauses, requests
from distill.models.batch_results import Intake
from distill.models.batch_sending import Sender
from distill.models.batch_told import failed, stopping, unknown
from distill.models.breaker import AT_LEAST, FAILED_SHARE, all_failed
from distill.models.online import interrupts
from distill.models.protocol import FailedRequestError

# Between two looks at responses that another process is paying for.
BUSY_S = 1.0
# For so long a provider keeps results; an unknown batch that is older brings nothing any more.
KEPT = timedelta(days=29)


class BatchCalls:
    """Batches of one role to one model, for what the ledger could not answer.

    Args:
        dealings: Whose they are, and what they need.
    """

    def __init__(self, dealings: Dealings) -> None:
        self._dealings = dealings
        self._intake = Intake(dealings)
        self._sender = Sender(dealings)
        self._tries: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_flight: list[Parcel] = []
        self._expected: set[str] = set()
        self._stopping = False

    async def run(self, keys: Sequence[str], claims: Claims) -> None:
        """Ask for everything that nobody else is paying for, and wait for the rest.

        Raises:
            KeyboardInterrupt: the user stopped it; batches that were sent go on.
            ModelError: the endpoint has no batches or fails, nearly everything fails, or the wrong
                model answers.
            BudgetError: the next batch could pass the cap.
            LedgerError: a response could not be kept.
        """
        with interrupts(self._interrupted):
            async with held(claims), asyncio.TaskGroup() as self._group:
                self._start(self._spread(keys, claims))
        if self._stopping:
            raise KeyboardInterrupt

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        async def told() -> None:
            try:
                await work
            except FailedRequestError as error:
                raise failed(self._dealings.role, error) from error

        task = self._group.create_task(told())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _spread(self, keys: Sequence[str], claims: Claims) -> None:
        """Take up what can be claimed, and look again at what others are paying for."""
        left = list(keys)
        while True:
            granted, answered, left = await self._claim(left, claims)
            if answered:
                self._dealings.on_answered(frozenset(answered))
            self._dealings.ours.update(granted)
            if granted:
                await self._take_up(granted, claims)
            if not left or self._stopping:
                return
            await asyncio.sleep(BUSY_S)

    async def _claim(
        self, keys: Sequence[str], claims: Claims
    ) -> tuple[list[str], list[str], list[str]]:
        """Return the keys that are ours to pay for, those answered, and those of somebody else."""
        granted: list[str] = []
        answered: list[str] = []
        busy: list[str] = []
        for start in range(0, len(keys), KEYS_AT_ONCE):
            some = keys[start : start + KEYS_AT_ONCE]
            claimed = await asyncio.to_thread(claims.claim, some, lease_s=LEASE_S)
            granted += [key for key in some if key in claimed.granted]
            answered += claimed.answered
            busy += [key for key in some if key in claimed.busy]
        return granted, answered, busy

    async def _take_up(self, keys: Sequence[str], claims: Claims) -> None:
        """Go on with the batches under way, and send the rest."""
        # One that somebody else let go may already be in a batch that we took up.
        fresh = dict.fromkeys(key for key in keys if key not in self._expected)
        for batch in await asyncio.to_thread(self._dealings.book.holding, list(fresh)):
            for key in batch.keys.values():
                fresh.pop(key, None)
            self._start(self._adopt(batch, claims))
        await self._send(fresh)

    async def _adopt(self, batch: OpenBatch, claims: Claims) -> None:
        """Go on with a batch that an earlier process wrote down."""
        dealings = self._dealings
        parcel = Parcel(batch.token, batch.created_at, len(batch.keys), dict(batch.keys))
        parcel.batch_id = batch.batch_id or ""
        # All of it was paid for: what nobody else is about to take in is ours to keep.
        granted, answered, _ = await self._claim(list(batch.keys.values()), claims)
        takes, over = set(granted) - self._expected, set(answered)
        self._expected |= takes
        parcel.done = {number for number, key in batch.keys.items() if key in over}
        parcel.left = {number: key for number, key in batch.keys.items() if key in takes}
        items = dealings.book.items(batch.token, parcel.left)
        parcel.worst_usd = await asyncio.to_thread(
            lambda: sum(dealings.worst_usd(item.request) for _, item in items)
        )
        # It is under way, whatever the cap says now.
        await dealings.budget.hold(parcel.worst_usd)
        if not parcel.batch_id:
            await self._sender.find(parcel)
        if not parcel.batch_id:
            await dealings.budget.settle(parcel.worst_usd, 0.0)
            await asyncio.to_thread(dealings.book.close, parcel.token)
            await self._send(key for key in parcel.left.values() if key in dealings.ours)
            return
        number = f"{len(parcel.left):,} of {requests(len(batch.keys))}"
        dealings.tell(f"{dealings.role}: going on with batch {parcel.batch_id}, {number}")
        await self._follow(parcel)

    async def _send(self, keys: Iterable[str]) -> None:
        """Send requests, in as many batches as the limits and the budget want."""
        dealings, rest = self._dealings, deque(keys)
        while rest and not self._stopping:
            parcel = await self._sender.send(rest)
            if parcel is not None:
                number = requests(parcel.total)
                dealings.tell(f"{dealings.role}: batch {parcel.batch_id} of {number} is under way")
                self._start(self._follow(parcel))

    async def _follow(self, parcel: Parcel) -> None:
        """Wait until a batch has ended, take it in, and ask once more where that may help."""
        dealings = self._dealings
        self._in_flight.append(parcel)
        if self._stopping:
            return
        try:
            state = await self._ended(parcel)
            await self._intake.take_in(parcel, state)
        finally:
            await dealings.budget.settle(parcel.worst_usd, parcel.cost_usd)
        await asyncio.to_thread(dealings.book.close, parcel.token, parcel.done)
        self._in_flight.remove(parcel)
        if self._intake.wrong is not None:
            raise self._intake.wrong
        await self._ask_again(parcel)

    async def _ended(self, parcel: Parcel) -> BatchState | None:
        """Return the state of a batch that has ended; `None` where it has long been forgotten."""
        for pause_s in pauses():
            try:
                # An outage may last longer than a request's attempts: it is looked at as seldom.
                state = await self._dealings.patiently(
                    lambda: self._dealings.api.state(parcel.batch_id), at_least_s=pause_s
                )
            except NoBatchError as error:
                if datetime.now(UTC) - moment(parcel.written_at) > KEPT:
                    return None
                raise unknown(self._dealings.role, parcel, error) from error
            if state.has_ended:
                return state
            await asyncio.sleep(pause_s)
        raise AssertionError("pauses have no end")

    async def _ask_again(self, parcel: Parcel) -> None:
        """Send what may still be answered, alone; give up what was sent often enough."""
        dealings, again = self._dealings, list[str]()
        for key, why in parcel.again.items():
            if key not in dealings.ours:
                continue
            self._tries[key] += 1
            if self._tries[key] <= dealings.model.max_retries:
                again.append(key)
            else:
                tries = self._tries[key]
                dealings.fail(key, f"{why}, after {tries} attempt{'s' * (tries != 1)}")
        self._stop_early()
        if again:
            why = parcel.again[again[0]]
            dealings.tell(f"{dealings.role}: {requests(len(again))} sent once more ({why})")
            await self._send(again)

    def _stop_early(self) -> None:
        """Stop where nearly everything failed: what is sent then is a waste of a day.

        Raises:
            ModelError: nearly everything failed.
        """
        spend, failures = self._dealings.receipts.spend, self._dealings.failures
        ended = spend.requests + len(failures)
        if failures and len(failures) >= max(AT_LEAST, FAILED_SHARE * ended):
            raise all_failed(self._dealings.role, len(failures), failures[-1], of=ended)

    def _interrupted(self) -> None:
        """Stop at the first interrupt as soon as nothing is being sent, at the second at once."""
        waiting = set(self._tasks)
        if not self._stopping:
            waiting -= self._sender.busy
            told = stopping(self._in_flight, is_sending=bool(self._sender.busy))
            sys.stderr.write(f"\n{told}")
        self._stopping = self._sender.stopping = True
        for task in waiting:
            task.cancel()

"""Requests in batches: cheaper, within a day, and sent once whatever happens on the way.

A batch is written down before it is sent. A process that dies leaves the batch under way, and the
same command finds it again: by its id, or, where the id was never heard, among the provider's
batches by the token that is part of every item's id.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from distill.errors import ModelError
from distill.ledger import Claims
from distill.ledger.batches import BatchBook, BatchItem, OpenBatch
from distill.ledger.claims import KEYS_AT_ONCE
from distill.ledger.flow import LEASE_S, held
from distill.models.batch_api import BatchApi, BatchResult
from distill.models.budget import Budget
from distill.models.online import wait_s
from distill.models.protocol import FailedRequestError, Failure, Sent
from distill.models.receipts import Receipt, Receipts, Wanted

T = TypeVar("T")
# Between two looks at a batch, growing from the first to the last.
FIRST_POLL_S, LAST_POLL_S, POLL_GROWTH = 0.5, 60.0, 1.5
# Between two looks at responses that another process is paying for.
BUSY_S = 1.0
# An item's share of a batch's bytes beside its request.
ITEM_BYTES = 100
KEPT_AT_ONCE = 200
# The provider's clock and ours.
CLOCKS_DIFFER = timedelta(minutes=10)
RESUME = "the batch goes on without us: the same command takes it up again and sends nothing twice"


@dataclass
class BatchCalls:
    """Batches of one role to one model, for what the ledger could not answer.

    Args:
        role: `teacher` or `judge`.
        api: The provider's batches.
        book: Batches under way.
        receipts: Takes in what comes back.
        budget: The dollar cap over all roles.
        wanted: Makes what is sent, by key.
        on_answered: Told of keys that others paid for in the meantime.
        on_end: Told of a request of ours that was answered, or of its failure.
        tell: Told in a sentence what is being waited for.
    """

    role: str
    api: BatchApi
    book: BatchBook
    receipts: Receipts
    budget: Budget
    wanted: Callable[[str], Wanted]
    on_answered: Callable[[frozenset[str]], None]
    on_end: Callable[[Failure | None], None]
    tell: Callable[[str], None]
    _ours: set[str] = field(default_factory=set)
    _tries: Counter[str] = field(default_factory=Counter)

    async def run(self, keys: Sequence[str], claims: Claims) -> None:
        """Ask for everything that nobody else is paying for, and wait for the rest.

        Raises:
            ModelError: the endpoint has no batches or fails, or the wrong model answers.
            BudgetError: the next batch could pass the cap.
            LedgerError: a response could not be kept.
        """
        self._ours = set(keys)
        left = list(keys)
        async with held(claims):
            while left:
                granted, left = await self._claim(claims, left)
                if granted:
                    await self._pay(granted)
                elif left:
                    await asyncio.sleep(BUSY_S)

    async def _claim(self, claims: Claims, keys: Sequence[str]) -> tuple[list[str], list[str]]:
        """Return the keys that are ours to pay for, and those that somebody else is paying for."""
        granted: list[str] = []
        busy: list[str] = []
        for start in range(0, len(keys), KEYS_AT_ONCE):
            some = keys[start : start + KEYS_AT_ONCE]
            claimed = await asyncio.to_thread(claims.claim, some, lease_s=LEASE_S)
            if claimed.answered:
                self.on_answered(claimed.answered)
            granted += [key for key in some if key in claimed.granted]
            busy += [key for key in some if key in claimed.busy]
        return granted, busy

    async def _pay(self, keys: Sequence[str]) -> None:
        """Take up the batches under way, send the rest, and send again what wants it."""
        under_way = await asyncio.to_thread(self.book.holding, keys)
        sent = {item.key for batch in under_way for item in batch.items}
        fresh = [key for key in keys if key not in sent]
        again = await _all([self._see_through(batch) for batch in under_way] + [self._send(fresh)])
        while again:
            again = await self._send(again)

    async def _send(self, keys: Sequence[str]) -> list[str]:
        """Send keys in as many batches as it takes; return those to be asked again."""
        waiting = []
        for items in self._split(keys):
            worst_usd = sum(self._worst_usd(item) for item in items)
            await self.budget.reserve(worst_usd)
            try:
                batch = await self._submit(items)
            except BaseException:
                await self.budget.settle(worst_usd, 0.0)
                raise
            waiting.append(asyncio.create_task(self._see_through(batch, worst_usd=worst_usd)))
        try:
            return [key for again in await asyncio.gather(*waiting) for key in again]
        finally:
            for task in waiting:
                task.cancel()

    def _split(self, keys: Sequence[str]) -> Iterator[list[BatchItem]]:
        """Yield batches that the provider takes and that the budget has room for."""
        items: list[BatchItem] = []
        size, worst_usd = 0, 0.0
        for key in keys:
            wanted = self.wanted(key)
            item = BatchItem(wanted.key, wanted.request, wanted.sample)
            more = len(item.request.encode()) + ITEM_BYTES
            more_usd = self._worst_usd(item)
            is_full = len(items) >= self.api.max_requests or size + more > self.api.max_bytes
            if items and (is_full or worst_usd + more_usd > self.budget.room_usd):
                yield items
                items, size, worst_usd = [], 0, 0.0
            items.append(item)
            size, worst_usd = size + more, worst_usd + more_usd
        if items:
            yield items

    def _worst_usd(self, item: BatchItem) -> float:
        return self.receipts.spend.worst_usd(item.request, self.receipts.model.max_tokens)

    async def _submit(self, items: Sequence[BatchItem]) -> OpenBatch:
        """Write a batch down, send it, and write down the provider's id."""
        token = secrets.token_hex(8)
        namespace = self.receipts.model.namespace
        batch = await asyncio.to_thread(self.book.intend, token, items, namespace=namespace)
        named = [(f"{token}-{number}", item.request) for number, item in enumerate(items)]
        attempt = 0
        while True:
            attempt += 1
            try:
                batch_id: str | None = await self.api.create(named)
            except FailedRequestError as error:
                # Anything else than a refusal may have come through although nothing came back.
                refused = error.detail.startswith("HTTP 4") and not error.maybe_billed
                if not error.retry or attempt > self.receipts.model.max_retries:
                    if refused:
                        await asyncio.to_thread(self.book.close, token)
                    # Else the next run looks for it.
                    raise self._failed(error, creating=True) from error
                await asyncio.sleep(wait_s(error, attempt))
                batch_id = None if refused else await self._find(batch)
            if batch_id is not None:
                await asyncio.to_thread(self.book.submitted, token, batch_id)
                self.tell(f"{self.role}: batch {batch_id} of {len(items)} requests is under way")
                return OpenBatch(token, batch_id, batch.created_at, batch.items)

    async def _see_through(self, batch: OpenBatch, *, worst_usd: float | None = None) -> list[str]:
        """Wait for a batch and keep its results; return the keys that are to be asked again."""
        cost_usd = 0.0
        if worst_usd is None:
            worst_usd = sum(self._worst_usd(item) for item in batch.items)
            await self.budget.hold(worst_usd)
        try:
            batch_id = batch.batch_id or await self._find(batch)
            if batch_id is None:
                await asyncio.to_thread(self.book.close, batch.token)
                return [item.key for item in batch.items if item.key in self._ours]
            if batch.batch_id is None:
                await asyncio.to_thread(self.book.submitted, batch.token, batch_id)
            if await self._ended(batch_id):
                cost_usd, again = await self._keep(batch, batch_id)
            else:
                again = {item.key: "its results are gone" for item in batch.items}
            await asyncio.to_thread(self.book.close, batch.token)
        finally:
            await self.budget.settle(worst_usd, cost_usd)
        return [key for key, detail in again.items() if self._may_try_again(key, detail)]

    async def _ended(self, batch_id: str) -> bool:
        """Return when a batch has ended: whether its results can be read."""
        poll_s = FIRST_POLL_S
        while True:
            state = await self._patiently(lambda: self.api.state(batch_id))
            if state.has_ended:
                return state.has_results
            await asyncio.sleep(poll_s)
            poll_s = min(LAST_POLL_S, poll_s * POLL_GROWTH)

    async def _keep(self, batch: OpenBatch, batch_id: str) -> tuple[float, dict[str, str]]:
        """Keep the results; return their dollars, and what is to be asked again with the reason."""
        cost_usd, keeping = 0.0, []
        left = {item.key for item in batch.items}
        again: dict[str, str] = {}

        async def read() -> None:
            nonlocal cost_usd
            async for result in self.api.results(batch_id):
                item = _item_of(batch, result.custom_id)
                if item is None or item.key not in left:
                    continue
                left.remove(item.key)
                if result.body is None:
                    self._no_answer(item.key, result, again)
                    continue
                receipt = self._read(item, result.body)
                if receipt is None:
                    cost_usd += self._lose(item)
                    continue
                cost_usd += receipt.cost_usd
                keeping.append(asyncio.create_task(self.receipts.keep(receipt.entry)))
                if item.key in self._ours:
                    self.on_end(None)
                if len(keeping) >= KEPT_AT_ONCE:
                    await asyncio.gather(*keeping)
                    keeping.clear()

            if left:
                # Every request has a result once its batch has ended: read again, never send again.
                raise FailedRequestError(f"{len(left)} results are missing", retry=True)

        try:
            await self._patiently(read)
        finally:
            await asyncio.gather(*keeping)
        return cost_usd, again

    def _read(self, item: BatchItem, body: dict[str, Any]) -> Receipt | None:
        wanted = Wanted(item.key, item.request, item.sample)
        try:
            return self.receipts.read(wanted, Sent(body=body))
        except FailedRequestError as error:
            self._fail(item.key, error.detail)
            return None

    def _lose(self, item: BatchItem) -> float:
        """Count a response that was billed and cannot be read; return the most that it cost."""
        worst_usd = self._worst_usd(item)
        self.receipts.spend.lose(worst_usd)
        self.budget.unsure_usd += worst_usd
        return worst_usd

    def _no_answer(self, key: str, result: BatchResult, again: dict[str, str]) -> None:
        if result.retry:
            again[key] = result.detail
        else:
            self._fail(key, result.detail)

    def _may_try_again(self, key: str, detail: str) -> bool:
        if key not in self._ours:
            return False
        self._tries[key] += 1
        if self._tries[key] <= self.receipts.model.max_retries:
            return True
        self._fail(key, f"{detail}, after {self._tries[key]} attempts")
        return False

    def _fail(self, key: str, detail: str) -> None:
        if key in self._ours:
            self.receipts.spend.failed += 1
            self.on_end(Failure(detail=detail, key=key))

    async def _find(self, batch: OpenBatch) -> str | None:
        """Return the provider's id of a batch that was sent without our hearing of it."""
        known = await asyncio.to_thread(self.book.known_ids)
        since = (datetime.fromisoformat(batch.created_at) - CLOCKS_DIFFER).isoformat()
        for state in await self._patiently(lambda: self.api.since(since)):
            if state.batch_id in known or state.total != len(batch.items):
                continue
            # Whose it is shows in its results; one that is not ours costs only the wait.
            if not await self._ended(state.batch_id):
                continue
            async for result in self.api.results(state.batch_id):
                if result.custom_id.startswith(f"{batch.token}-"):
                    return state.batch_id
                break
        return None

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Call until the endpoint does as it is asked, or there is no use in trying on."""
        attempt = 0
        while True:
            attempt += 1
            try:
                return await call()
            except FailedRequestError as error:
                if not error.retry or attempt > self.receipts.model.max_retries:
                    raise self._failed(error) from error
                await asyncio.sleep(wait_s(error, attempt))

    def _failed(self, error: FailedRequestError, *, creating: bool = False) -> ModelError:
        gone = creating and "HTTP 404" in error.detail
        hint = f"{self.role}: mode=online, where the endpoint has no batches" if gone else RESUME
        return ModelError(f"{self.role}: batches: {error.detail}.", hint=hint)


def _item_of(batch: OpenBatch, custom_id: str) -> BatchItem | None:
    token, _, number = custom_id.rpartition("-")
    if token != batch.token or not number.isdigit() or int(number) >= len(batch.items):
        return None
    return batch.items[int(number)]


async def _all(calls: Sequence[Awaitable[list[str]]]) -> list[str]:
    """Await all; the first error cancels the others, whose batches go on without us."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        return [key for keys in await asyncio.gather(*tasks) for key in keys]
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError, Exception):
                await task

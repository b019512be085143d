"""Makes batches out of requests and hands them over, so that none is paid for twice.

A batch is written down before it is sent. Where nobody says whether it was taken, it is looked for
at the provider before it is sent again; where it cannot be looked for, it is counted as billed.
"""

from __future__ import annotations

import asyncio
import secrets
import warnings
from collections import deque

from distill.models.batch_api import BatchTooLargeError, LostBatchError, NoBatchError
from distill.models.batch_finding import find
from distill.models.batch_parcel import Dealings, Parcel, requests
from distill.models.batch_told import without_batches
from distill.models.protocol import FailedRequestError

# Requests of a batch after whose making others have their turn.
BREATHER = 500


class MaybeBilledWarning(UserWarning):
    """A batch is sent once more although the first one may have been billed."""


class Sender:
    """Sends one batch after the other.

    Args:
        dealings: Whose batches they are.
    """

    def __init__(self, dealings: Dealings) -> None:
        self._dealings = dealings
        self._turn = asyncio.Lock()
        # An endpoint may take less than the provider says.
        self._max_bytes = dealings.api.max_bytes
        self.stopping = False
        self.busy: set[asyncio.Task[None]] = set()

    async def send(self, rest: deque[str]) -> Parcel | None:
        """Take from `rest` what fits into one batch and send it.

        Args:
            rest: Keys that are still to be sent.

        Returns:
            What was sent; `None` where it was too large: it is back in `rest`, for smaller ones, or
            has failed where it was a single request.

        Raises:
            BudgetError: not even one request fits under the cap.
            ModelError: the endpoint has no batches.
            FailedRequestError: no further attempt is to be made.
        """
        async with self._turn:
            parcel, body = await self._compose(rest)
            keys = list(parcel.left.values())
            if len(body) > self._dealings.api.max_bytes:
                most = self._dealings.api.max_bytes
                why = f"its batch would have {len(body):,} bytes, and may have {most:,}"
                await self._too_large(parcel, len(body), rest, why)
                return None
            namespace, item = self._dealings.model.namespace, self._dealings.item
            parcel.written_at = await asyncio.to_thread(
                self._dealings.book.intend, parcel.token, keys, item, namespace=namespace
            )
            try:
                await self._hand_over(parcel, body)
            except BatchTooLargeError as error:
                await self._too_large(parcel, len(body), rest, error.detail)
                return None
        return parcel

    async def find(self, parcel: Parcel) -> None:
        """Look for a batch of which nobody heard whether it was taken, and note its id.

        Where the endpoint does not list its batches, it is counted as billed.

        Raises:
            BudgetError: with that, the next attempt could pass the cap.
            FailedRequestError: the endpoint does not answer.
        """
        try:
            found = await find(self._dealings, parcel)
        except NoBatchError:
            await self._count_as_billed(parcel)
            return
        if found is not None:
            await self._note(parcel, found)
            return
        number = requests(parcel.total)
        self._dealings.tell(f"{self._dealings.role}: a batch of {number} never arrived")

    async def _compose(self, rest: deque[str]) -> tuple[Parcel, bytes]:
        """Take from `rest` what fits into one batch, its dearest case set aside."""
        dealings, budget = self._dealings, self._dealings.budget
        parcel = Parcel(secrets.token_hex(8), "", 0, {})
        body = dealings.api.body()
        while rest and parcel.total < dealings.api.max_requests:
            wanted = dealings.wanted(rest[0])
            worst_usd = dealings.worst_usd(wanted.request)
            if parcel.total == 0:
                await budget.reserve(worst_usd)
            elif not budget.fits(worst_usd):
                break
            sent = dealings.mark(wanted.request) if dealings.mark else wanted.request
            name = parcel.custom_id(parcel.total)
            if not body.add(name, sent, max_bytes=self._max_bytes):
                break
            if parcel.total > 0:
                budget.widen(worst_usd)
            parcel.left[parcel.total] = rest.popleft()
            parcel.total += 1
            parcel.worst_usd += worst_usd
            if parcel.total % BREATHER == 0:
                await asyncio.sleep(0)
        return parcel, body.finish()

    async def _hand_over(self, parcel: Parcel, body: bytes) -> None:
        """Send a batch that is written down, until it is known to be at the provider."""
        attempt, may_be_there, was_lost = 0, False, False
        try:
            while not parcel.batch_id:
                attempt += 1
                may_be_there = True
                try:
                    await self._create(parcel, body)
                except LostBatchError as error:
                    was_lost = True
                    await self.find(parcel)
                    if not parcel.batch_id:
                        await self._pause(error, attempt)
                except FailedRequestError as error:
                    may_be_there = False
                    if isinstance(error, NoBatchError):
                        raise without_batches(self._dealings.role, error) from error
                    if isinstance(error, BatchTooLargeError):
                        raise
                    may_be_there = was_lost
                    await self._pause(error, attempt)
        finally:
            # Else the next run looks for it.
            if not may_be_there:
                await asyncio.to_thread(self._dealings.book.close, parcel.token)

    async def _create(self, parcel: Parcel, body: bytes) -> None:
        """Make one attempt, which the first interrupt leaves alone."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - only tasks come here
        self.busy.add(task)
        try:
            await self._note(parcel, await self._dealings.api.create(body))
        finally:
            self.busy.discard(task)

    async def _note(self, parcel: Parcel, batch_id: str) -> None:
        await asyncio.to_thread(self._dealings.book.submitted, parcel.token, batch_id)
        parcel.batch_id = batch_id

    async def _pause(self, error: FailedRequestError, attempt: int) -> None:
        if self.stopping:
            raise asyncio.CancelledError
        await self._dealings.pause(error, attempt)

    async def _count_as_billed(self, parcel: Parcel) -> None:
        """Book a batch at its dearest, and set as much aside for another attempt."""
        dealings, worst_usd = self._dealings, parcel.worst_usd
        dealings.receipts.spend.lose(worst_usd, attempts=parcel.total)
        dealings.budget.unsure_usd += worst_usd
        price = "" if dealings.receipts.spend.price is None else f" (at most ${worst_usd:.4f})"
        warnings.warn(
            f"{dealings.role}: nobody said whether a batch of {requests(parcel.total)} was taken, "
            "and the endpoint does not list its batches: it is sent once more, and the first one "
            f"counts as billed{price}.",
            MaybeBilledWarning,
            stacklevel=2,
        )
        await dealings.budget.settle(worst_usd, worst_usd)
        parcel.worst_usd = 0.0
        await dealings.budget.reserve(worst_usd)
        parcel.worst_usd = worst_usd

    async def _too_large(self, parcel: Parcel, size: int, rest: deque[str], why: str) -> None:
        """Put the requests of a batch back for smaller ones; one alone cannot be made smaller."""
        await self._dealings.budget.settle(parcel.worst_usd, 0.0)
        keys = list(parcel.left.values())
        if len(keys) == 1:
            self._dealings.fail(keys[0], why)
            return
        self._max_bytes = size // 2
        rest.extendleft(reversed(keys))

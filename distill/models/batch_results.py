"""Takes in what a batch came to: kept, failed for good, or to be asked once more."""

from __future__ import annotations

import asyncio
import warnings
from contextlib import aclosing
from dataclasses import dataclass

from distill.errors import ModelError
from distill.ledger.batches import BatchItem
from distill.models.batch_api import BatchResult, BatchState, NoBatchError
from distill.models.batch_parcel import Dealings, Parcel
from distill.models.protocol import FailedRequestError, Sent
from distill.models.receipts import Receipt, Wanted

KEPT_AT_ONCE = 200
GONE = "the provider no longer has the batch's results"
NO_RESULT = "the batch came back without a result for it"
SHOWN_CHARS = 80


class StrangeResultsWarning(UserWarning):
    """A batch brought results that nobody asked for."""


@dataclass
class Intake:
    """Takes in the results of batches.

    Args:
        dealings: Whose batches they are.
        wrong: That another model than the one asked for was served; what it served is kept.
    """

    dealings: Dealings
    wrong: ModelError | None = None

    async def take_in(self, parcel: Parcel, state: BatchState | None) -> None:
        """Take in a batch that has ended; what is to be asked once more stands in `parcel.again`.

        Args:
            parcel: What is expected of it.
            state: What the provider says of it; `None` where it has long forgotten it.

        Raises:
            FailedRequestError: the results cannot be read.
            LedgerError: a response could not be kept.
        """
        if state is None or not state.has_results:
            parcel.give_back(GONE)
            return
        attempt = 0
        while parcel.left:
            before = len(parcel.left)
            try:
                read = await self._read(parcel)
                if parcel.left and read < state.total:
                    detail = f"the results of {parcel.batch_id} end after {read} of {state.total}"
                    raise FailedRequestError(detail, retry=True)
            except NoBatchError:
                parcel.give_back(GONE)
            except FailedRequestError as error:
                attempt = 1 if len(parcel.left) < before else attempt + 1
                await self.dealings.pause(error, attempt)
            else:
                # Every line was there, and none of them was about these.
                parcel.give_back(NO_RESULT)

    async def _read(self, parcel: Parcel) -> int:
        """Read the results once and sort them; return how many there were."""
        read, strange = 0, list[str]()
        ready: dict[int, BatchResult] = {}
        try:
            async with aclosing(self.dealings.api.results(parcel.batch_id)) as results:
                async for result in results:
                    read += 1
                    number = parcel.number(result.custom_id)
                    if number is None:
                        strange.append(result.custom_id)
                    elif number in parcel.left:
                        ready[number] = result
                    if len(ready) >= KEPT_AT_ONCE:
                        await self._sort(parcel, ready)
        finally:
            # What was read is paid for, whatever comes next.
            await self._sort(parcel, ready)
        if strange:
            warnings.warn(
                f"{self.dealings.role}: batch {parcel.batch_id} holds {len(strange)} results that "
                f"nobody asked for ({strange[0][:SHOWN_CHARS]!r}); they are ignored.",
                StrangeResultsWarning,
                stacklevel=2,
            )
        return read

    async def _sort(self, parcel: Parcel, ready: dict[int, BatchResult]) -> None:
        """Find out what results mean, and keep those that are answers."""
        if not ready:
            return
        items = await asyncio.to_thread(self._items, parcel.token, list(ready))
        receipts: dict[str, Receipt] = {}
        for number, result in ready.items():
            key = parcel.left.pop(number)
            parcel.done.add(number)
            if result.body is not None:
                receipt = self._open(parcel, items[number], result)
                if receipt is not None:
                    receipts[key] = receipt
            elif result.retry:
                parcel.again[key] = result.detail
            else:
                self.dealings.fail(key, result.detail)
        ready.clear()
        await self._keep(receipts)

    def _items(self, token: str, numbers: list[int]) -> dict[int, BatchItem]:
        return dict(self.dealings.book.items(token, numbers))

    def _open(self, parcel: Parcel, item: BatchItem, result: BatchResult) -> Receipt | None:
        """Read an answer and book what it cost; one that cannot be read was billed all the same."""
        receipts, wanted = self.dealings.receipts, Wanted(item.key, item.request, item.sample)
        sent = Sent(body=result.body or {}, request_id=parcel.batch_id)
        try:
            receipt = receipts.read(wanted, sent)
        except FailedRequestError as error:
            worst_usd = self.dealings.worst_usd(item.request)
            receipts.spend.lose(worst_usd)
            self.dealings.budget.unsure_usd += worst_usd
            parcel.cost_usd += worst_usd
            self.dealings.fail(item.key, error.detail)
            return None
        parcel.cost_usd += receipt.cost_usd
        return receipt

    async def _keep(self, receipts: dict[str, Receipt]) -> None:
        """Keep responses durably; those of a wrong model too, which is told later."""
        keeping = (self.dealings.receipts.keep(receipt.entry) for receipt in receipts.values())
        outcomes = await asyncio.gather(*keeping, return_exceptions=True)
        for key, outcome in zip(receipts, outcomes, strict=True):
            if isinstance(outcome, ModelError):
                self.wrong = self.wrong or outcome
            elif outcome is not None:
                raise outcome
            if key in self.dealings.ours:
                self.dealings.on_end(None)

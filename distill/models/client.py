"""Answers requests: out of the ledger where it can, from the model where it must.

Every response is durable in the ledger before it counts. Outcomes come back in the order of the
requests, so that nothing downstream depends on concurrency. The connection (SDK, embedded model)
is opened at the first miss, never before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any

from distill.errors import DistillError
from distill.ledger import Ledger, canonical_json, response_key
from distill.ledger.batches import BatchBook
from distill.ledger.flow import GroupCommit
from distill.models.answers import Answers
from distill.models.batch_api import BATCH, ONLINE, BatchModel
from distill.models.batch_parcel import Dealings
from distill.models.batch_told import warn_of_batches
from distill.models.batches import BatchCalls
from distill.models.breaker import all_failed
from distill.models.budget import Budget, Spend
from distill.models.online import OnlineCalls
from distill.models.prices import price_of
from distill.models.prompt_cache import marker, marking
from distill.models.protocol import Failure, Model, Outcome, Request
from distill.models.receipts import Receipts, Wanted
from distill.progress import Progress


class ModelClient:
    """All calls of one run to its models.

    Args:
        ledger: Where every response is kept.
        budget: The dollar cap over all roles.
        progress: Where progress is shown.
    """

    def __init__(self, ledger: Ledger, budget: Budget, progress: Progress) -> None:
        self._ledger = ledger
        self._budget = budget
        self._progress = progress
        self.spend: dict[str, Spend] = {}
        # How each key is asked for now, however it came into the ledger.
        self.used: dict[str, str] = {}

    def ask(self, role: str, model: Model, requests: Sequence[Request]) -> Iterable[Outcome]:
        """Answer `requests`; when this returns, everything is paid for and kept.

        Args:
            role: Whose spend it is: `teacher`, `judge` and so on; see `costs.ROLES`.
            model: Who answers what the ledger does not hold.
            requests: Equal requests (same sample index) are paid for once.

        Returns:
            In the order of the requests, a `Reply`, or a `Failure` for one that failed for good.

        Raises:
            ModelError: the wrong model answered, the key was refused, or nearly everything fails.
            BudgetError: the next request could pass the cap.
            LedgerError: a response could not be kept; nothing further was sent.
            KeyboardInterrupt: the user stopped it; what was in flight has been kept.
        """
        mode = getattr(model, "mode", ONLINE)
        price = price_of(model.provider, model.model, mode=mode)
        spend = self.spend.setdefault(role, Spend(model.model, price))
        keys = [_key(model, request) for request in requests]
        first: dict[str, int] = {}
        for i, key in enumerate(keys):
            first.setdefault(key, i)
        missing = dict.fromkeys(first)
        for key in self._known(model, spend, first):
            del missing[key]
        failures: dict[str, Failure] = {}
        with self._progress.task(role, total=len(first), done=len(first) - len(missing)):
            if missing:
                wanted = _Wanting(model, requests, first)
                _run(self._pay(role, model, spend, list(missing), wanted, failures))
        if failures and spend.requests + spend.cached == 0:
            raise all_failed(role, len(failures), next(reversed(failures.values())))
        self.used.update((key, mode) for key in keys if key not in failures)
        return Answers(self._ledger, model, keys, failures, missing.keys())

    def _known(self, model: Model, spend: Spend, keys: Iterable[str]) -> list[str]:
        """Return the keys that the ledger answers, each checked for who answered it."""
        found = []
        for key, served_model in self._ledger.served(keys):
            model.check_served(served_model)
            spend.add_cached(served_model)
            found.append(key)
        return found

    async def _pay(
        self,
        role: str,
        model: Model,
        spend: Spend,
        keys: Sequence[str],
        wanted: _Wanting,
        failures: dict[str, Failure],
    ) -> None:
        def ended(count: int = 1) -> None:
            self._progress.advance(role, count, cost_usd=spend.cost_usd, failed=spend.failed)

        def on_end(failure: Failure | None) -> None:
            if failure is not None:
                failures[failure.key] = failure
            ended()

        def on_answered(keys: frozenset[str]) -> None:
            ended(len(self._known(model, spend, keys)))

        claims, book = self._ledger.claims(), BatchBook(self._ledger.engine)
        mark = marker(model, (wanted.request(key) for key in keys))
        async with GroupCommit(self._ledger) as commit:
            receipts = Receipts(model, spend, commit)
            if isinstance(model, BatchModel) and model.mode == BATCH:
                async with model.connect_batches(role) as api:
                    dealings = Dealings(
                        role=role,
                        model=model,
                        api=api,
                        book=book,
                        receipts=receipts,
                        budget=self._budget,
                        wanted=wanted,
                        mark=mark,
                        on_answered=on_answered,
                        on_end=on_end,
                        tell=self._progress.tell,
                    )
                    await BatchCalls(dealings).run(keys, claims)
                return
            if isinstance(model, BatchModel):
                warn_of_batches(role, len(book.expected(keys)))
            async with model.connect(role) as send:
                calls = OnlineCalls(
                    role=role,
                    send=marking(mark, send),
                    receipts=receipts,
                    budget=self._budget,
                    wanted=wanted,
                    on_answered=on_answered,
                    on_end=on_end,
                )
                await calls.run(keys, claims)


class _Wanting:
    """Makes what is sent for a key, one at a time.

    Args:
        model: Puts requests in a provider's words.
        requests: All of them.
        index: The first request of each key.
    """

    def __init__(self, model: Model, requests: Sequence[Request], index: dict[str, int]) -> None:
        self._model = model
        self._requests = requests
        self._index = index

    def request(self, key: str) -> Request:
        return self._requests[self._index[key]]

    def __call__(self, key: str) -> Wanted:
        request = self.request(key)
        return Wanted(key, canonical_json(self._model.wire(request)), request.sample)


def _key(model: Model, request: Request) -> str:
    return response_key(
        provider=model.provider,
        namespace=model.namespace,
        body=model.wire(request),
        sample=request.sample,
    )


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` to its end; of several workers' errors tell the first of ours."""
    try:
        asyncio.run(work)
    except BaseExceptionGroup as group:
        ours = _first(group, DistillError)
        raise (ours or _first(group, BaseException) or group) from None


def _first(group: BaseExceptionGroup[Any], kind: type[BaseException]) -> BaseException | None:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            found = _first(error, kind)
            if found is not None:
                return found
        elif isinstance(error, kind):
            return error
    return None

"""Answers requests: out of the ledger where it can, from the model where it must.

A pool of workers takes the misses one by one; every response is durable in the ledger before it
counts. Outcomes come back in the order of the requests, so that nothing downstream depends on
concurrency. The connection (SDK, embedded model) is opened at the first miss, never before.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from distill.errors import DistillError, ModelError
from distill.ledger import (
    Entry,
    Ledger,
    canonical_json,
    now_utc,
    response_key,
    storable_json,
)
from distill.ledger.flow import ClaimQueue, GroupCommit
from distill.models.budget import Budget, Spend
from distill.models.prices import price_of
from distill.models.protocol import (
    FailedRequestError,
    Failure,
    Model,
    Outcome,
    Reply,
    Request,
    Send,
)
from distill.progress import Progress

# So many failures in a row, with nothing answered between them, mean that the endpoint is down.
FAILURES_IN_A_ROW = 20
# A claim outlasts the request's own time budget by this, for the commit.
LEASE_SPARE_S = 60.0


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
        self.used: dict[str, None] = {}

    def ask(self, role: str, model: Model, requests: Sequence[Request]) -> list[Outcome]:
        """Answer `requests`, in their order.

        Args:
            role: Whose spend it is: `teacher` or `judge`.
            model: Who answers what the ledger does not hold.
            requests: Equal requests (same sample index) are paid for once.

        Returns:
            A `Reply`, or a `Failure` for a request that failed for good.

        Raises:
            ModelError: the wrong model answered, the key was refused, or nearly everything fails.
            BudgetError: the next request could pass the cap.
            LedgerError: a response could not be kept; nothing further was sent.
        """
        spend = self.spend.setdefault(
            role, Spend(model.model, price_of(model.provider, model.model))
        )
        bodies = [model.wire(request) for request in requests]
        keys = [
            response_key(
                provider=model.provider,
                namespace=model.namespace,
                body=body,
                sample=request.sample,
            )
            for body, request in zip(bodies, requests, strict=True)
        ]
        outcomes = self._from_ledger(model, spend, dict.fromkeys(keys))
        missing = {
            key: (body, request.sample)
            for key, body, request in zip(keys, bodies, requests, strict=True)
            if key not in outcomes
        }
        with self._progress.task(role, total=len(set(keys)), done=len(outcomes)):
            if missing:
                outcomes |= _run(self._from_model(role, model, spend, missing))
        self.used.update((key, None) for key in keys if isinstance(outcomes[key], Reply))
        return [outcomes[key] for key in keys]

    def _from_ledger(self, model: Model, spend: Spend, keys: Iterable[str]) -> dict[str, Outcome]:
        found: dict[str, Outcome] = {}
        for entry in self._ledger.get_many(keys):
            reply = replace(model.read(json.loads(entry.body)), key=entry.key, cached=True)
            model.check_served(reply)
            spend.add(reply)
            found[entry.key] = reply
        return found

    async def _from_model(
        self,
        role: str,
        model: Model,
        spend: Spend,
        missing: Mapping[str, tuple[dict[str, Any], int]],
    ) -> dict[str, Outcome]:
        outcomes: dict[str, Outcome] = {}
        keys = ClaimQueue(
            self._ledger.claims(), list(missing), lease_s=model.timeout_s + LEASE_SPARE_S
        )
        failures_in_a_row = 0

        def count(key: str, outcome: Outcome) -> None:
            nonlocal failures_in_a_row
            outcomes[key] = outcome
            self._progress.advance(role, cost_usd=spend.cost_usd, failed=spend.failed)
            if isinstance(outcome, Reply):
                failures_in_a_row = 0
                return
            failures_in_a_row += 1
            if failures_in_a_row >= FAILURES_IN_A_ROW:
                raise _all_failed(role, failures_in_a_row, outcome)

        async with model.connect(role) as send, keys, GroupCommit(self._ledger) as commit:

            async def work() -> None:
                while (claimed := await keys.next()) is not None:
                    if claimed.answered:
                        for key, reply in self._from_ledger(model, spend, claimed.answered).items():
                            count(key, reply)
                    for key in claimed.granted:
                        count(key, await self._one(model, spend, send, commit, key, *missing[key]))

            async with asyncio.TaskGroup() as group:
                for _ in range(min(model.concurrency, len(missing))):
                    group.create_task(work())
        failures = [out for out in outcomes.values() if isinstance(out, Failure)]
        if failures and spend.requests + spend.cached == 0:
            raise _all_failed(role, len(failures), failures[-1])
        return outcomes

    async def _one(
        self,
        model: Model,
        spend: Spend,
        send: Send,
        commit: GroupCommit,
        key: str,
        body: dict[str, Any],
        sample: int,
    ) -> Outcome:
        """Pay for one response: reserve, send, keep it durably, and only then count it."""
        request = canonical_json(body)
        worst_usd = _worst_usd(spend, request, body)
        await self._budget.reserve(worst_usd)
        cost_usd = 0.0
        try:
            sent = await send(body)
            try:
                answer = storable_json(sent.body)
                reply = replace(model.read(json.loads(answer)), key=key)
            except ValueError as error:
                raise FailedRequestError(str(error)) from error
            spend.add(reply)
            cost_usd = _cost_usd(spend, reply)
            await commit.put(
                Entry(
                    key=key,
                    provider=model.provider,
                    namespace=model.namespace,
                    model=model.model,
                    served_model=reply.served_model,
                    sample=sample,
                    request=request,
                    body=answer,
                    input_tokens=reply.input_tokens,
                    output_tokens=reply.output_tokens,
                    request_id=sent.request_id,
                    created_at=now_utc(),
                )
            )
        except FailedRequestError as error:
            spend.failed += 1
            if error.fatal:
                raise ModelError(
                    f"{model.model}: {error.detail}.", hint="see `distill doctor`"
                ) from error
            return Failure(detail=error.detail, key=key)
        finally:
            await self._budget.settle(worst_usd, cost_usd)
        model.check_served(reply)
        return reply


def _all_failed(role: str, count: int, last: Failure) -> ModelError:
    return ModelError(
        f"{role}: the last {count} requests all failed. The last one: {last.detail}.",
        hint="see `distill doctor`; then run again: only what is missing is asked for",
    )


def _worst_usd(spend: Spend, request: str, body: Mapping[str, Any]) -> float:
    if spend.price is None:
        return 0.0
    most = body.get("max_tokens") or body.get("max_completion_tokens") or 0
    return spend.price.cost_usd(input_tokens=len(request.encode()), output_tokens=int(most))


def _cost_usd(spend: Spend, reply: Reply) -> float:
    if spend.price is None:
        return 0.0
    return spend.price.cost_usd(input_tokens=reply.input_tokens, output_tokens=reply.output_tokens)


def _run(work: Any) -> dict[str, Outcome]:
    """Run `work` to its end; of several workers' errors tell the first of ours."""
    try:
        outcomes: dict[str, Outcome] = asyncio.run(work)
    except BaseExceptionGroup as group:
        ours = _first(group, DistillError)
        raise (ours or _first(group, BaseException) or group) from None
    return outcomes


def _first(group: BaseExceptionGroup[Any], kind: type[BaseException]) -> BaseException | None:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            found = _first(error, kind)
            if found is not None:
                return found
        elif isinstance(error, kind):
            return error
    return None

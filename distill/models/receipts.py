"""What was paid for is read, booked and kept durably, however it was asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from distill.ledger import Entry, now_utc, storable_json
from distill.ledger.flow import GroupCommit
from distill.models.budget import Spend
from distill.models.protocol import FailedRequestError, Model, Reply, Sent

# What every database holds as a number.
MOST_TOKENS = 2**63


@dataclass(frozen=True, slots=True)
class Wanted:
    """A response that the ledger lacks.

    Args:
        key: The key that it will have.
        request: Canonical JSON of what is sent for it.
        sample: Sample index, from 0.
    """

    key: str
    request: str
    sample: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """A response that was paid for and is not yet kept.

    Args:
        reply: What it says.
        entry: What the ledger is to keep.
        cost_usd: What it cost; 0 where the price is not known.
    """

    reply: Reply
    entry: Entry
    cost_usd: float


@dataclass(frozen=True)
class Receipts:
    """Takes in the responses of one model.

    Args:
        model: Who answers.
        spend: Where the cost is booked.
        commit: Keeps responses.
    """

    model: Model
    spend: Spend
    commit: GroupCommit

    def read(self, wanted: Wanted, sent: Sent) -> Receipt:
        """Read a raw response and book what it cost.

        Raises:
            FailedRequestError: it is no response of this provider.
        """
        try:
            answer = storable_json(sent.body)
            reply = replace(self.model.read(json.loads(answer)), key=wanted.key)
            if not all(0 <= n < MOST_TOKENS for n in (reply.input_tokens, reply.output_tokens)):
                raise ValueError("it counts more tokens than there are, or less than none")
        except ValueError as error:
            # It came with a status that says success: it was worked on.
            raise FailedRequestError(str(error), maybe_billed=True) from error
        cost_usd = self.spend.add(reply)
        entry = Entry(
            key=wanted.key,
            provider=self.model.provider,
            namespace=self.model.namespace,
            model=self.model.model,
            served_model=reply.served_model,
            sample=wanted.sample,
            request=wanted.request,
            body=answer,
            input_tokens=reply.input_tokens,
            output_tokens=reply.output_tokens,
            request_id=sent.request_id,
            created_at=now_utc(),
        )
        return Receipt(reply, entry, cost_usd)

    async def keep(self, entry: Entry) -> None:
        """Return when a response is durable; one of a model that was not asked for stops the run.

        Raises:
            LedgerError: it could not be kept.
            ModelError: another model than the one asked for was served.
        """
        await self.commit.put(entry)
        self.model.check_served(entry.served_model)

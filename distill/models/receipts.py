"""What was paid for is read, booked and kept durably, however it was asked for."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass, field, replace
from typing import Any

from distill.ledger import Entry, now_utc, storable_json
from distill.ledger.flow import GroupCommit
from distill.models.budget import Spend, worst_input_tokens
from distill.models.protocol import FailedRequestError, Model, Reply, Sent

# What every database holds as a number.
MOST_TOKENS = 2**63
# What a provider may put around a request: its roles, its own words.
FRAME_TOKENS = 1000


class StrangeUsageWarning(UserWarning):
    """An endpoint says nothing, or nothing that can be true, of the tokens of a reply."""


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
    _warned: set[str] = field(default_factory=set)

    def read(self, wanted: Wanted, sent: Sent) -> Receipt:
        """Read a raw response and book what it cost.

        Tokens that the endpoint does not tell are counted at the most that they can be.

        Raises:
            FailedRequestError: it is no response of this provider.
        """
        try:
            answer = _stored(sent.body)
            reply = replace(self.model.read(json.loads(answer)), key=wanted.key)
            if not all(0 <= n < MOST_TOKENS for n in (reply.input_tokens, reply.output_tokens)):
                raise ValueError("it counts more tokens than there are, or less than none")
        except ValueError as error:
            # It came with a status that says success: it was worked on.
            raise FailedRequestError(str(error), maybe_billed=True) from error
        reply = self._counted(reply, wanted.request)
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

    def _counted(self, reply: Reply, request: str) -> Reply:
        """Return the reply with tokens, and say once what is strange about those it came with."""
        name, bytes_sent = self.model.model, len(request.encode())
        most_input, most_output = worst_input_tokens(request), self.model.max_tokens
        if not reply.tokens_told:
            self._warn(
                "untold",
                f"{name}: the endpoint does not say how many tokens a reply took; each is counted "
                "at the most that it can be, a token for a byte of its request and max_tokens "
                f"({most_output}) of reply.",
            )
            return replace(reply, input_tokens=most_input, output_tokens=most_output)
        if reply.output_tokens > most_output:
            self._warn(
                "output",
                f"{name}: the endpoint says that a reply has {reply.output_tokens} tokens, more "
                f"than the max_tokens ({most_output}) that it was allowed; it is counted as told.",
            )
        if reply.input_tokens > most_input + FRAME_TOKENS:
            self._warn(
                "input",
                f"{name}: the endpoint says that a request has {reply.input_tokens} tokens, and "
                f"it was sent {bytes_sent} bytes; it is counted as told.",
            )
        return reply

    def _warn(self, kind: str, words: str) -> None:
        if kind not in self._warned:
            self._warned.add(kind)
            warnings.warn(words, StrangeUsageWarning, stacklevel=2)

    async def keep(self, entry: Entry) -> None:
        """Return when a response is durable; one of a model that was not asked for stops the run.

        Raises:
            LedgerError: it could not be kept.
            ModelError: another model than the one asked for was served.
        """
        await self.commit.put(entry)
        self.model.check_served(entry.served_model)


def _stored(body: Any) -> str:
    try:
        return storable_json(body)
    except ValueError as error:
        raise ValueError(
            "the reply holds NaN or Infinity, which JSON has no numbers for"
        ) from error

"""What a model is to the rest of the project: requests in, replies out, and what hits the wire."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from distill.models.limits import Limits

REFUSAL = "refusal"
MAX_TOKENS = "max_tokens"


@dataclass(frozen=True, kw_only=True)
class Request:
    """One question to a model, before it is put in a provider's words.

    Args:
        prompt: The user turn.
        system: The system prompt, or `None`.
        shots: Earlier turns as (user, assistant) pairs.
        schema: JSON schema that the reply must obey, or `None`.
        labels: Score these labels in place of writing free text; only for endpoints that give
            log-probabilities.
        sample: Index of the sample, from 0: the same request asked again on purpose.
    """

    prompt: str
    system: str | None = None
    shots: tuple[tuple[str, str], ...] = ()
    schema: Mapping[str, Any] | None = None
    labels: tuple[str, ...] | None = None
    sample: int = 0


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer of a model, read out of the provider's raw body.

    Args:
        text: All text of the reply, "" where there is none.
        stop_reason: In Anthropic's words: `end_turn`, `max_tokens`, `refusal`, …
        served_model: The id that the provider says it served.
        input_tokens: Tokens of the request, those read from a prompt cache included.
        output_tokens: Tokens of the reply.
        tokens_told: Whether the provider says how many they were; both are 0 where it does not.
        cache_write_tokens: Those of the request that the provider wrote to a prompt cache.
        cache_read_tokens: Those of the request that it read from one.
        label_logprobs: Natural-log probability by label, where labels were scored.
        first_token: Natural-log probability by first token, of the likeliest ones, where labels
            are told by it; empty where the endpoint left them out, `None` where it has none.
        key: The response's key in the ledger.
        cached: Whether the ledger answered.
    """

    text: str
    stop_reason: str
    served_model: str
    input_tokens: int
    output_tokens: int
    tokens_told: bool = True
    cache_write_tokens: int = 0
    cache_read_tokens: int = 0
    label_logprobs: Mapping[str, float] | None = None
    first_token: Mapping[str, float] | None = None
    key: str = ""
    cached: bool = False


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A request that failed for good; the run goes on without it and a later run asks again.

    Args:
        detail: What the provider said, the request id and the attempts; no secret.
        key: The key that the response would have had in the ledger.
    """

    detail: str
    key: str = ""


Outcome = Reply | Failure


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A raw answer off the wire.

    Args:
        body: The response's JSON object.
        request_id: The provider's id of the request, "" where it gives none.
        headers: The response's headers, names in lower case; they tell of limits.
    """

    body: dict[str, Any] = field(repr=False)
    request_id: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


# Takes the canonical JSON of one body: the very bytes that the ledger's key was made from.
Send = Callable[[str], Awaitable[Sent]]


@runtime_checkable
class Model(Protocol):
    """A teacher or a rubric judge's model: one class a provider.

    `provider` and `namespace` say whose answers these are; a base URL's host is left out, so that
    an endpoint may move without its answers being paid for again.
    """

    model: str
    concurrency: int
    samples: int
    max_tokens: int
    timeout_s: float
    max_retries: int
    limits: Limits

    @property
    def provider(self) -> str:
        """The provider's name, as in the price list."""

    @property
    def namespace(self) -> str:
        """What tells answers of this endpoint from those of others, without its host."""

    @property
    def scores_labels(self) -> bool:
        """Whether the endpoint gives log-probabilities of labels."""

    def wire(self, request: Request) -> dict[str, Any]:
        """Return the JSON body that is sent for `request`: everything that shapes the answer."""

    def read(self, body: Mapping[str, Any]) -> Reply:
        """Read a raw response body, fresh or out of the ledger.

        Raises:
            ValueError: the body is not a response of this provider.
        """

    def check_served(self, served_model: str) -> None:
        """Compare the id that was served with the id that was asked for.

        Raises:
            ModelError: they differ and `served_check` is `strict`.
        """

    def connect(self, name: str) -> AbstractAsyncContextManager[Send]:
        """Open the way to the model; SDKs are imported and servers started here, not before.

        The function that is yielded sends one body once and returns the raw answer; pace and
        further attempts are its caller's. `name` is who is asked (`teacher`, `judge`), for
        messages.

        Raises:
            ModelError: the model cannot be reached, or is retired.
            FailedRequestError: from the function, for an attempt that brought no answer.
        """


class FailedRequestError(Exception):
    """An attempt that brought no answer.

    Args:
        detail: Status, message and request id; no secret.
        fatal: Whether every further request would fail too (a refused key, say).
        retry: Whether another attempt may succeed.
        overloaded: Whether it says that less should be asked at once.
        retry_after_s: For how long the provider asks to be left alone, or `None`.
        maybe_billed: Whether it may cost something all the same: it was sent, and nobody said
            that it was turned away.
        headers: The response's headers, names in lower case; empty where there was none.
    """

    def __init__(
        self,
        detail: str,
        *,
        fatal: bool = False,
        retry: bool = False,
        overloaded: bool = False,
        retry_after_s: float | None = None,
        maybe_billed: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fatal = fatal
        self.retry = retry
        self.overloaded = overloaded
        self.retry_after_s = retry_after_s
        self.maybe_billed = maybe_billed
        self.headers = headers or {}

"""Claude, by Anthropic."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated, Any, Literal

from pydantic import Field

from distill.component import NonNegativeFloat, component
from distill.models.batch_api import BatchApi, Mode
from distill.models.counting import Count, counting
from distill.models.keys import key_from_environment
from distill.models.message_batches import MessageBatches
from distill.models.messages_api import client_of, connect_messages, message_body, read_message
from distill.models.protocol import Reply, Request, Send
from distill.models.settings import ModelSettings


@component
class Claude(ModelSettings):
    """A Claude model, called through the official SDK.

    Args:
        mode: `online`, one request at a time a worker; or `batch`, Message Batches at half the
            price, whose results come within a day. Either's answers serve the other.
        lost_batch_s: For how long a batch whose receipt was lost is looked for before it is sent
            once more, in seconds, >= 0. 0 looks once.
        effort: `output_config.effort`, or `None` to leave it to the model.
        thinking: The API's `thinking` object, or `None` to leave it out.
        temperature: Sampling temperature in [0, 1], sent only where it is set: current models
            refuse it. `None` leaves it out.
        prompt_cache: `auto` has the provider cache a beginning that requests share, where it is
            long enough and enough of them share it; `off` never does. No answer depends on it.
    """

    mode: Mode
    lost_batch_s: NonNegativeFloat
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None
    thinking: dict[str, Any] | None
    temperature: (
        Annotated[float, Field(ge=0, le=1, description="a number in [0, 1], or null")] | None
    )

    prompt_cache: Literal["auto", "off"]

    @property
    def provider(self) -> str:
        """The provider's name, as in the price list."""
        return "anthropic"

    @property
    def namespace(self) -> str:
        """What tells answers of this endpoint from those of others, without its host."""
        return self.namespace_of(self.provider)

    @property
    def scores_labels(self) -> bool:
        """The Messages API gives no log-probabilities."""
        return False

    def wire(self, request: Request) -> dict[str, Any]:
        """Return the JSON body that is sent for `request`."""
        body = message_body(request, model=self.model, max_tokens=self.max_tokens)
        if self.effort is not None:
            body.setdefault("output_config", {})["effort"] = self.effort
        if self.thinking is not None:
            body["thinking"] = self.thinking
        if self.temperature is not None:
            body["temperature"] = self.temperature
        return body

    def read(self, body: Mapping[str, Any]) -> Reply:
        """Read a raw response body."""
        return read_message(body)

    @asynccontextmanager
    async def connect(self, name: str) -> AsyncIterator[Send]:
        """Open the way to the model.

        Raises:
            ModelError: no key is set, or the model is retired or not there.
        """
        async with connect_messages(
            api_key=key_from_environment(name, self.api_key_env, self.base_url),
            base_url=self.base_url,
            model=self.model,
            timeout_s=self.timeout_s,
            name=name,
            strict=self.served_check == "strict",
        ) as send:
            yield send

    @asynccontextmanager
    async def connect_batches(self, name: str) -> AsyncIterator[BatchApi]:
        """Open the way to the model's batches.

        Raises:
            ModelError: no key is set, or the model is retired or not there.
        """
        async with self._client(name) as client:
            yield MessageBatches(client)

    @asynccontextmanager
    async def connect_counting(self, name: str) -> AsyncIterator[Count]:
        """Open the way to the endpoint's own token counter.

        Raises:
            ModelError: no key is set, or the model is retired or not there.
        """
        async with self._client(name) as client:
            yield counting(client)

    def _client(self, name: str) -> AbstractAsyncContextManager[Any]:
        return client_of(
            api_key=key_from_environment(name, self.api_key_env, self.base_url),
            base_url=self.base_url,
            model=self.model,
            name=name,
            strict=self.served_check == "strict",
        )

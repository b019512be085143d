"""The embedded local model: llama.cpp in a child process, behind the same Messages API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any

from pydantic import Field

from distill.component import Positive, component
from distill.models.messages_api import connect_messages, message_body, read_message
from distill.models.protocol import Reply, Request, Send
from distill.models.settings import ModelSettings


@component
class LocalModel(ModelSettings):
    """A small open model on this machine: no key, no network, no cost.

    The model is started when the first request misses the ledger and stopped with the run.
    `base_url` points at a server that runs already, in place of starting one.

    Args:
        temperature: Sampling temperature in [0, 1]; 0 is greedy.
        seed: Seed of sample 0; sample k uses `seed + k`.
        workers: llama.cpp servers with one thread each, >= 1; more than the cores is slower.
        slots: Prompts whose beginnings each server keeps warm, >= 1.
        context_tokens: Longest prompt and reply of one request together, in tokens.
    """

    temperature: Annotated[float, Field(ge=0, le=1, description="a number in [0, 1]")]
    seed: int
    workers: Positive
    slots: Positive
    context_tokens: Positive

    @property
    def provider(self) -> str:
        """The provider's name, as in the price list."""
        return "local"

    @property
    def namespace(self) -> str:
        """What tells answers of this endpoint from those of others, without its host."""
        return self.provider

    @property
    def scores_labels(self) -> bool:
        """The embedded model gives log-probabilities of labels."""
        return True

    def wire(self, request: Request) -> dict[str, Any]:
        """Return the JSON body that is sent for `request`, the adapter's extensions included."""
        body = message_body(request, model=self.model, max_tokens=self.max_tokens)
        if request.labels is not None:
            return body | {"label_scores": list(request.labels)}
        return body | {"temperature": self.temperature, "seed": self.seed + request.sample}

    def read(self, body: Mapping[str, Any]) -> Reply:
        """Read a raw response body."""
        return read_message(body)

    @asynccontextmanager
    async def connect(self, name: str) -> AsyncIterator[Send]:
        """Start the model, or use the server at `base_url`.

        Raises:
            ModelError: the weights or llama.cpp are missing, or the model does not start.
        """
        if self.base_url is not None:
            async with self._messages(name, self.base_url, "no-key-needed") as send:
                yield send
            return
        from distill.models.llama.process import LlamaProcess

        with LlamaProcess(
            model=self.model,
            workers=self.workers,
            slots=self.slots,
            context_tokens=self.context_tokens,
        ) as server:
            async with self._messages(name, server.base_url, server.api_key) as send:
                yield send

    @asynccontextmanager
    async def _messages(self, name: str, base_url: str, api_key: str) -> AsyncIterator[Send]:
        async with connect_messages(
            api_key=api_key,
            base_url=base_url,
            model=self.model,
            timeout_s=self.timeout_s,
            name=name,
            strict=self.served_check == "strict",
        ) as send:
            yield send

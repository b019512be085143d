"""Any endpoint that speaks OpenAI's chat API: Gemini, vLLM, Ollama, Together, llama.cpp, OpenAI."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field

from distill.component import Text, component
from distill.errors import ModelError
from distill.models.chat_api import chat_turns, connect_chat, read_chat, same_model
from distill.models.keys import key_from_environment
from distill.models.protocol import Reply, Request, Send
from distill.models.settings import ModelSettings
from distill.models.structured import in_words

OPENAI = "openai"
# OpenAI's own limit, and vLLM's default one.
MAX_TOP_LOGPROBS = 20


@component
class OpenAICompatible(ModelSettings):
    """A model behind the chat completions API, called through the official `openai` SDK.

    Args:
        endpoint: A name for whose answers these are (`gemini`, `vllm`, …); part of the ledger key
            in place of the host.
        temperature: Sampling temperature in [0, 2], sent only where it is set.
        seed: Seed of sample 0 (sample k sends `seed + k`), or `None` to send none.
        max_tokens_field: The name that the endpoint knows the limit by.
        structured: How a reply is bound to a JSON schema: `json_schema` sends the schema,
            `json_object` sends only that it be JSON, `none` neither; with the last two the schema
            stands in the prompt, and a reply that does not obey it cannot be read.
        label_logprobs: `first_token` scores labels by the log-probabilities of a reply's first
            token, from one request; `none` takes votes over samples.
        top_logprobs: Likeliest first tokens that are asked for, in [1, 20].
    """

    endpoint: Text
    temperature: (
        Annotated[float, Field(ge=0, le=2, description="a number in [0, 2], or null")] | None
    )
    seed: int | None
    max_tokens_field: Literal["max_completion_tokens", "max_tokens"]
    structured: Literal["json_schema", "json_object", "none"]
    label_logprobs: Literal["none", "first_token"]
    top_logprobs: Annotated[
        int, Field(ge=1, le=MAX_TOP_LOGPROBS, description="a whole number from 1 to 20")
    ]

    @property
    def provider(self) -> str:
        """The provider's name, as in the price list."""
        return OPENAI

    @property
    def namespace(self) -> str:
        """What tells answers of this endpoint from those of others, without its host."""
        return self.namespace_of(self.endpoint)

    @property
    def scores_labels(self) -> bool:
        """Whether the endpoint gives log-probabilities of labels."""
        return self.label_logprobs != "none"

    def wire(self, request: Request) -> dict[str, Any]:
        """Return the JSON body that is sent for `request`."""
        scored = request.labels is not None
        body: dict[str, Any] = {
            "model": self.model,
            self.max_tokens_field: 1 if scored else self.max_tokens,
            "messages": chat_turns(self._with_schema(request)),
        }
        if scored:
            body |= {"logprobs": True, "top_logprobs": self.top_logprobs}
        elif request.schema is not None and self.structured != "none":
            body["response_format"] = self._format(request.schema)
        if self.temperature is not None:
            body["temperature"] = self.temperature
        if self.seed is not None:
            body["seed"] = self.seed + request.sample
        return body

    def read(self, body: Mapping[str, Any]) -> Reply:
        """Read a raw response body.

        Raises:
            ValueError: `body` is no chat completion.
        """
        reply = read_chat(body)
        if self.scores_labels and reply.first_token is None:
            # Told apart from an endpoint that was never asked for them.
            return replace(reply, first_token={})
        return reply

    def check_served(self, served_model: str) -> None:
        """Compare the id that was served with the id that was asked for.

        Raises:
            ModelError: they differ and `served_check` is `strict`.
        """
        if not same_model(self.model, served_model):
            super().check_served(served_model)

    @asynccontextmanager
    async def connect(self, name: str) -> AsyncIterator[Send]:
        """Open the way to the model.

        Raises:
            ModelError: the `openai` package is missing, or the endpoint has no such model.
            MissingKeyError: no key is set.
        """
        if self.base_url is None and self.endpoint != OPENAI:
            raise ModelError(
                f"{name}.base_url: got nothing, want the URL of the endpoint {self.endpoint!r}.",
                hint="without a URL requests would go to OpenAI: endpoint=openai if they should",
            )
        async with connect_chat(
            api_key=key_from_environment(name, self.api_key_env, self.base_url),
            base_url=self.base_url,
            model=self.model,
            timeout_s=self.timeout_s,
            name=name,
            strict=self.served_check == "strict",
        ) as send:
            yield send

    def _format(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        if self.structured == "json_object":
            return {"type": "json_object"}
        named = {"name": "reply", "strict": True, "schema": dict(schema)}
        return {"type": "json_schema", "json_schema": named}

    def _with_schema(self, request: Request) -> Request:
        """Return the request with its schema in the prompt, where nothing else says it."""
        if request.schema is None or self.structured == "json_schema":
            return request
        return replace(request, prompt=f"{request.prompt}\n\n{in_words(request.schema)}")

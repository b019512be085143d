"""Any endpoint that speaks OpenAI's chat API: Gemini, vLLM, Ollama, Together, llama.cpp, OpenAI."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal

from pydantic import Field

from distill.component import Text, component
from distill.errors import ModelError
from distill.models.keys import key_from_environment
from distill.models.post import posting
from distill.models.protocol import Reply, Request, Send
from distill.models.settings import ModelSettings

STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}


@component
class OpenAICompatible(ModelSettings):
    """A model behind the chat completions API, called through the official `openai` SDK.

    Args:
        endpoint: A name for whose answers these are (`gemini`, `vllm`, …); part of the ledger key
            in place of the host.
        temperature: Sampling temperature in [0, 2], sent only where it is set.
        seed: Seed of sample 0 (sample k sends `seed + k`), or `None` to send none.
        max_tokens_field: The name that the endpoint knows the limit by.
    """

    endpoint: Text
    temperature: (
        Annotated[float, Field(ge=0, le=2, description="a number in [0, 2], or null")] | None
    )
    seed: int | None
    max_tokens_field: Literal["max_completion_tokens", "max_tokens"]

    @property
    def provider(self) -> str:
        """The provider's name, as in the price list."""
        return "openai"

    @property
    def namespace(self) -> str:
        """What tells answers of this endpoint from those of others, without its host."""
        return self.namespace_of(self.endpoint)

    @property
    def scores_labels(self) -> bool:
        """Labels are read as votes over samples here."""
        return False

    def wire(self, request: Request) -> dict[str, Any]:
        """Return the JSON body that is sent for `request`."""
        turns = [] if request.system is None else [{"role": "system", "content": request.system}]
        for user, assistant in request.shots:
            turns.append({"role": "user", "content": user})
            turns.append({"role": "assistant", "content": assistant})
        turns.append({"role": "user", "content": request.prompt})
        body: dict[str, Any] = {
            "model": self.model,
            self.max_tokens_field: self.max_tokens,
            "messages": turns,
        }
        if request.schema is not None:
            named = {"name": "reply", "strict": True, "schema": dict(request.schema)}
            body["response_format"] = {"type": "json_schema", "json_schema": named}
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
        try:
            choice = body["choices"][0]
            message, usage = choice["message"], body.get("usage") or {}
            stop = STOP_REASONS.get(choice["finish_reason"], str(choice["finish_reason"]))
            return Reply(
                text=message.get("content") or "",
                stop_reason="refusal" if message.get("refusal") else stop,
                served_model=str(body["model"]),
                input_tokens=int(usage.get("prompt_tokens", 0)),
                output_tokens=int(usage.get("completion_tokens", 0)),
            )
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise ValueError(f"no chat completion: {error!r}") from error

    @asynccontextmanager
    async def connect(self, name: str) -> AsyncIterator[Send]:
        """Open the way to the model.

        Raises:
            ModelError: the `openai` package is missing.
            MissingKeyError: no key is set.
        """
        key = key_from_environment(name, self.api_key_env, self.base_url)
        try:
            from openai import AsyncOpenAI
        except ImportError as error:
            raise ModelError(
                "the openai package is not installed.", hint="pip install 'distill[openai]'"
            ) from error
        async with (
            AsyncOpenAI(api_key=key, base_url=self.base_url, max_retries=0) as client,
            posting(
                f"{str(client.base_url).rstrip('/')}/chat/completions",
                {**client.default_headers, **client.auth_headers},
                timeout_s=self.timeout_s,
                id_header="x-request-id",
            ) as send,
        ):
            yield send

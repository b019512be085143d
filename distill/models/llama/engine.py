"""The embedded model: llama.cpp's servers, and one request at a time on each.

The same request gets the same bits, whatever ran before it or runs beside it, so that a score or a
seeded text can be had again. llama.cpp alone does not promise that: with its defaults the
log-probability of a label moved by 0.1 to 0.8 between an empty, a warm and a shared server. Sums
are taken in another order when another number of tokens is computed together, and rounding
activations to 8 bits turns the last bit into a tenth. What holds it still:

- flash attention is off: its kernels change with the number of tokens (a tenth more time);
- one request at a time runs on a server, since a neighbour's tokens divide the prompt otherwise
  (with one thread, four at a time got no more done per second of CPU);
- no token of a prompt is computed alone or taken from a reply: `distill.models.llama.slots`.

Kernels are picked by processor, so another machine may give other bits.
"""

from __future__ import annotations

import asyncio
import json
import math
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Literal

from distill.models.llama.backend import Connection, EngineSettings, start_server
from distill.models.llama.chat import IM_END, IM_START, Piece
from distill.models.llama.labels import grow, score
from distill.models.llama.slots import Worker

# Added to the logits of the allowed tokens: lifts them above all others, and costs 1e-5 in a
# log-probability by rounding to 32 bits.
LIFT = 100.0
# What is left of a probability that 32 bits cannot hold.
UNDERFLOW_LOGPROB = -149 * math.log(2)
MIN_TEMPERATURE = 1e-3
# One line of JSON: a small model left free to write blank space may write nothing else.
JSON_STYLE = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
RANDOM_SEED = 0xFFFFFFFF  # to llama.cpp this one means "draw a seed"

StopReason = Literal["end_turn", "max_tokens", "stop_sequence"]
STOP_REASONS: Mapping[str, StopReason] = {
    "eos": "end_turn",
    "limit": "max_tokens",
    "word": "stop_sequence",
}


@dataclass(frozen=True, kw_only=True)
class Completion:
    """A finished reply.

    Args:
        text: The reply; of scored labels the likeliest, the first of equals.
        stop_reason: In the API's words.
        stop_sequence: The one that was met, or `None`.
        input_tokens: All tokens of the prompt, whether or not a slot had them already.
        output_tokens: Tokens drawn, the end of the turn included; of a label, its tokens.
        label_logprobs: Natural-log probability by label, or `None` where none were scored.
        token_logprobs: Of each token drawn, as llama.cpp tells of it, or `None` where not asked.
    """

    text: str
    stop_reason: StopReason
    stop_sequence: str | None = None
    input_tokens: int
    output_tokens: int
    label_logprobs: Mapping[str, float] | None = None
    token_logprobs: Sequence[Mapping[str, Any]] | None = None


class PromptTooLongError(Exception):
    """The prompt leaves no room in the context."""

    def __init__(self, tokens: int, max_tokens: int) -> None:
        super().__init__(f"prompt is too long: {tokens} tokens > {max_tokens} maximum")


class SchemaError(Exception):
    """llama.cpp cannot hold the model to this JSON schema."""

    def __init__(self) -> None:
        super().__init__("not a JSON schema that llama.cpp can enforce")


class Engine:
    """The llama.cpp servers of one process.

    Args:
        settings: See `EngineSettings`. The servers start here, which takes seconds.
        end: The token that ends a reply.

    Raises:
        RuntimeError: llama.cpp cannot load the weights.
    """

    def __init__(self, settings: EngineSettings, *, end: int = IM_END) -> None:
        self._end = end
        self.context_tokens = settings.context_tokens
        self._bind: set[str] = set()  # schemas that were seen to
        key = secrets.token_urlsafe(32)
        self._connection = Connection(key)
        self._servers = [start_server(settings, key) for _ in range(settings.workers)]
        self._idle = [
            Worker(partial(self._ask, server.listening_address), settings.slots)
            for server in self._servers
        ]

    async def __aenter__(self) -> Engine:
        """Open the connections; to be entered in the loop that uses them."""
        await self._connection.__aenter__()
        self._turns = asyncio.Semaphore(len(self._servers))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connections; the servers end with the process."""
        await self._connection.__aexit__(kind, error, traceback)

    async def count(self, pieces: Sequence[Piece]) -> int:
        """Return the number of tokens of a prompt."""
        return len(await self._tokens(pieces))

    async def generate(
        self,
        pieces: Sequence[Piece],
        *,
        max_tokens: int,
        temperature: float,
        seed: int | None = None,
        stop: Sequence[str] = (),
        schema: Mapping[str, Any] | None = None,
        top_logprobs: int | None = None,
    ) -> Completion:
        """Write freely, or within a JSON schema.

        Args:
            pieces: The prompt.
            max_tokens: Most tokens to draw; the end of the context ends the reply alike.
            temperature: In [0, 1]; 0 is greedy, 1 the model's own distribution, uncut.
            seed: The same seed gives the same text; `None` draws one.
            stop: Texts that end the reply and are not part of it.
            schema: JSON schema that every token obeys.
            top_logprobs: Tell of each token drawn how likely it and so many others were; `None`
                tells nothing.

        Raises:
            PromptTooLongError: no room is left for a token.
            SchemaError: the schema cannot be enforced.
        """
        prompt = await self._fitting(pieces, room=1)
        options: dict[str, Any] = {
            "n_predict": min(max_tokens, self.context_tokens - len(prompt)),
            "samplers": ["temperature"],
            # Dividing by less overflows 32 bits, and long before that the draw is greedy.
            "temperature": temperature if temperature >= MIN_TEMPERATURE else 0.0,
            "seed": secrets.randbits(63) % RANDOM_SEED if seed is None else seed % RANDOM_SEED,
            "stop": list(stop),
            "response_fields": [
                "content",
                "tokens",
                "stop_type",
                "stopping_word",
                "tokens_predicted",
            ],
        }
        if top_logprobs is not None:
            options["n_probs"] = max(top_logprobs, 1)
            options["response_fields"].append("completion_probabilities")
        async with self._alone(prompt) as worker:
            if schema is not None:
                options["json_schema"] = await self._enforceable(worker, schema)
            answer = await worker.complete(prompt, **options)
        return Completion(
            text=answer["content"],
            stop_reason=STOP_REASONS[answer["stop_type"]],
            stop_sequence=answer["stopping_word"] or None,
            input_tokens=len(prompt),
            output_tokens=answer["tokens_predicted"],
            token_logprobs=None
            if top_logprobs is None
            else answer.get("completion_probabilities", []),
        )

    async def score_labels(self, pieces: Sequence[Piece], labels: Sequence[str]) -> Completion:
        """Score labels as the whole reply; see `distill.models.llama.labels`.

        Args:
            pieces: The prompt.
            labels: At least two.

        Raises:
            PromptTooLongError: no room is left for the longest label.
            SameTokensError: two labels are written with the same tokens.
        """
        paths = {label: await self._tokens([label]) for label in labels}
        root = grow(paths, end=self._end)
        prompt = await self._fitting(pieces, room=max(map(len, paths.values())) + 1)
        async with self._alone(prompt) as worker:

            async def next_logprobs(
                path: Sequence[int], allowed: Sequence[int]
            ) -> Mapping[int, float]:
                return await _next_logprobs(worker, [*prompt, *path], allowed)

            scores = await score(root, next_logprobs)
        best = max(labels, key=lambda label: scores[label])
        return Completion(
            text=best,
            stop_reason="end_turn",
            input_tokens=len(prompt),
            output_tokens=len(paths[best]) + 1,
            label_logprobs={label: scores[label] for label in labels},
        )

    async def _enforceable(self, worker: Worker, schema: Mapping[str, Any]) -> dict[str, Any]:
        """Return the schema as llama.cpp gets it, once it has been seen to bind.

        llama.cpp drops a schema that it cannot compile and lets the model write freely. So each
        new one is tried on a token that begins no JSON, pressed as hard as can be.
        """
        asked = {**schema, "x-guidance": JSON_STYLE}
        name = json.dumps(asked, sort_keys=True)
        if name not in self._bind:
            (not_json,) = await self._tokens(["H"])
            answer = await worker.complete(
                [IM_START, IM_END],
                n_predict=1,
                json_schema=asked,
                samplers=["temperature"],
                temperature=0.0,
                logit_bias=[[not_json, LIFT]],
                response_fields=["tokens"],
            )
            if answer["tokens"] == [not_json]:
                raise SchemaError
            self._bind.add(name)
        return asked

    @asynccontextmanager
    async def _alone(self, prompt: list[int]) -> AsyncIterator[Worker]:
        async with self._turns:
            worker = max(self._idle, key=lambda worker: worker.shared(prompt))
            self._idle.remove(worker)
            try:
                yield worker
            finally:
                self._idle.append(worker)

    async def _fitting(self, pieces: Sequence[Piece], *, room: int) -> list[int]:
        tokens = await self._tokens(pieces)
        if len(tokens) > self.context_tokens - room:
            raise PromptTooLongError(len(tokens), self.context_tokens - room)
        return tokens

    async def _tokens(self, pieces: Sequence[Piece]) -> list[int]:
        answer = await self._ask(
            self._servers[0].listening_address,
            "/tokenize",
            {"content": list(pieces), "add_special": False, "parse_special": False},
        )
        tokens: list[int] = answer["tokens"]
        return tokens

    async def _ask(self, address: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return await self._connection.post(address + path, body)


async def _next_logprobs(
    worker: Worker, tokens: list[int], allowed: Sequence[int]
) -> dict[int, float]:
    """Return the log-probabilities of the tokens allowed after `tokens`, renormalised over them.

    The full distribution would say the same at the cost of 49,152 entries of JSON: all allowed
    logits are lifted by one constant instead, which leaves their ratios and makes them the top.
    """
    answer = await worker.complete(
        tokens,
        n_predict=1,
        n_probs=len(allowed),
        post_sampling_probs=True,
        samplers=["temperature"],
        temperature=1.0,
        logit_bias=[[token, LIFT] for token in allowed],
        response_fields=["tokens", "completion_probabilities"],
    )
    top = answer["completion_probabilities"][0]["top_probs"]
    found = {entry["id"]: math.log(entry["prob"]) for entry in top if entry["prob"] > 0}
    logs = {token: found.get(token, UNDERFLOW_LOGPROB) for token in allowed}
    whole = math.log(math.fsum(math.exp(log) for log in logs.values()))
    return {token: log - whole for token, log in logs.items()}

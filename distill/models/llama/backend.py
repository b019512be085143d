"""llama.cpp itself: how a server is started, and how it is spoken to.

It is reached over its own HTTP port on the loopback address, which only the child has the key of:
that gives the stop reason, token arrays and log-probabilities that its in-process calls leave out,
and a request is dropped when its connection closes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from distill.models.llama.template import ChatSettings

HOST = "127.0.0.1"
# llama.cpp computes a long prompt in stretches of so many tokens.
STRETCH_TOKENS = 512
MAX_CONTEXT_TOKENS = 8192
ERRORS_ONLY = 1


class EngineSettings(BaseModel):
    """What the engine is started with.

    Args:
        weights: The GGUF file.
        workers: llama.cpp servers with one thread each, >= 1.
        slots: Prefixes that one server keeps, >= 1.
        context_tokens: Longest prompt and reply together, in tokens, in [16, 8192].
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights: Path
    workers: int = Field(ge=1)
    slots: int = Field(ge=1)
    context_tokens: int = Field(ge=16, le=MAX_CONTEXT_TOKENS)


class ChildSettings(BaseModel):
    """The line that the parent writes to the child's stdin.

    Args:
        api_key: What every call must bring; `None` lets everyone on this machine in.
        model: The id that is served.
        display_name: The same for people.
        port: Where it is served; 0 takes a free one.
        engine: See `EngineSettings`; `None` where a student answers in Python.
        chat: How the engine's conversations are written; `None` is the embedded model's way.
        student: Folder of a student that answers in Python, or `None`.
        reply_tokens: Longest reply to a chat that names no limit; `None` is the context's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_key: str | None = Field(repr=False)
    model: str
    display_name: str
    port: int = Field(default=0, ge=0, le=65535)
    engine: EngineSettings | None
    chat: ChatSettings | None = None
    student: Path | None = None
    reply_tokens: int | None = None


class LlamaError(Exception):
    """llama.cpp refused a request or failed at it.

    Args:
        status: HTTP status that it answered with.
        message: What it said.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Connection:
    """Speaks JSON to one or more llama.cpp servers of one key.

    Args:
        key: The key that they were started with.
    """

    def __init__(self, key: str) -> None:
        self._key = key

    async def __aenter__(self) -> Connection:
        """Open the session, in the loop that will use it."""
        import aiohttp

        self._session = aiohttp.ClientSession(
            # llama.cpp gives a thread to every open connection, idle ones included.
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
            headers={"authorization": f"Bearer {self._key}"},
            timeout=aiohttp.ClientTimeout(total=None),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the session."""
        await self._session.close()

    async def post(self, url: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer to `body`.

        Raises:
            LlamaError: any status but 200.
        """
        async with self._session.post(url, json=body) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
        if response.status != 200:
            error = answer.get("error")
            told = error.get("message") if isinstance(error, dict) else None
            raise LlamaError(response.status, str(told or answer))
        return answer


def start_server(settings: EngineSettings, key: str) -> Any:
    """Start a llama.cpp server with one thread; it lives as long as the object that is returned.

    Raises:
        RuntimeError: llama.cpp cannot load the weights.
    """
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(settings.weights)
    params.hostnames = [HOST]
    params.api_keys = [key]
    params.n_parallel = settings.slots
    params.n_ctx = settings.context_tokens * settings.slots
    params.n_ubatch = STRETCH_TOKENS
    # Two threads on shared cores wait for each other more than they compute.
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    # Its kernels change with the number of tokens, and the results with them.
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    params.n_ctx_checkpoints = 0
    params.cache_ram_mib = 0
    params.fit_params = False
    params.ui = False
    params.verbosity = ERRORS_ONLY
    return xllamacpp.Server(params)

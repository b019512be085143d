"""What a provider's batches are to the rest of the project: many requests in, results later."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from distill.models.protocol import Model

Mode = Literal["online", "batch"]
ONLINE: Mode = "online"
BATCH: Mode = "batch"


@dataclass(frozen=True, kw_only=True)
class BatchState:
    """Where a batch is.

    Args:
        batch_id: The provider's id.
        created_at: UTC, ISO 8601.
        total: Requests in it.
        processing: Those that have no result yet.
        has_ended: Whether every request has come to its end.
        has_results: Whether they can still be read.
    """

    batch_id: str
    created_at: str
    total: int
    processing: int
    has_ended: bool
    has_results: bool


@dataclass(frozen=True, kw_only=True)
class BatchResult:
    """What became of one request of a batch.

    Args:
        custom_id: Ours.
        body: The response, where there is one.
        detail: Why there is none.
        retry: Whether asking again may help.
    """

    custom_id: str
    body: dict[str, Any] | None = field(default=None, repr=False)
    detail: str = ""
    retry: bool = False


class BatchApi(Protocol):
    """A provider's batches.

    Every method raises `FailedRequestError` where the endpoint does not do as it is asked.
    """

    @property
    def max_requests(self) -> int:
        """Most requests of one batch."""

    @property
    def max_bytes(self) -> int:
        """Most bytes of one batch."""

    async def create(self, items: Sequence[tuple[str, str]]) -> str:
        """Send a batch of `(custom_id, canonical JSON)`; return the provider's id."""

    async def state(self, batch_id: str) -> BatchState:
        """Say where a batch is."""

    def results(self, batch_id: str) -> AsyncIterator[BatchResult]:
        """Yield the results of a batch that has ended, in any order."""

    async def since(self, created_at: str) -> list[BatchState]:
        """Return the batches that were created at that time or later; none where none are told."""


@runtime_checkable
class BatchModel(Model, Protocol):
    """A model that takes requests in batches."""

    mode: Mode

    def connect_batches(self, name: str) -> AbstractAsyncContextManager[BatchApi]:
        """Open the way to the provider's batches; see `Model.connect`."""

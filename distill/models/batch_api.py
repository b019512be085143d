"""What a provider's batches are to the rest of the project: many requests in, results later."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, Protocol, runtime_checkable

from distill.models.protocol import FailedRequestError, Model

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
        has_ended: Whether every request has come to its end.
        has_results: Whether they can still be read.
    """

    batch_id: str
    created_at: str
    total: int
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


class NoBatchError(FailedRequestError):
    """The endpoint knows no such batch, or no batches at all."""


class BatchTooLargeError(FailedRequestError):
    """The endpoint takes fewer requests or bytes at once; nothing was taken."""


class LostBatchError(FailedRequestError):
    """A batch was sent, and nobody said whether it was taken."""


class BatchBody(Protocol):
    """The bytes of a batch as they are sent, in the making."""

    @property
    def size(self) -> int:
        """How many bytes would be sent."""

    def add(self, custom_id: str, request: str, *, max_bytes: int) -> bool:
        """Add a request, canonical JSON; say no where more than `max_bytes` would be sent.

        The first one is taken whatever its size.
        """

    def finish(self) -> bytes:
        """Return what is to be sent."""


class BatchApi(Protocol):
    """A provider's batches; each function makes one attempt.

    Every one raises `FailedRequestError` where the endpoint does not do as it is asked.
    """

    @property
    def max_requests(self) -> int:
        """Most requests of one batch."""

    @property
    def max_bytes(self) -> int:
        """Most bytes of one batch, as it is sent."""

    def body(self) -> BatchBody:
        """Return a body without requests."""

    async def create(self, body: bytes) -> str:
        """Send a batch; return the provider's id.

        Raises:
            LostBatchError: nobody said whether it was taken.
            BatchTooLargeError: it is more than the endpoint takes at once.
            NoBatchError: the endpoint has no batches.
        """

    async def state(self, batch_id: str) -> BatchState:
        """Say where a batch is.

        Raises:
            NoBatchError: the endpoint does not know it.
        """

    def results(self, batch_id: str) -> AsyncGenerator[BatchResult, None]:
        """Yield the results of a batch that has ended, in any order.

        Raises:
            NoBatchError: they are gone.
        """

    async def since(self, created_at: str) -> list[BatchState]:
        """Return the batches that were created at that time or later.

        Raises:
            NoBatchError: the endpoint lists none.
        """


@runtime_checkable
class BatchModel(Model, Protocol):
    """A model that takes requests in batches."""

    mode: Mode
    lost_batch_s: float

    def connect_batches(self, name: str) -> AbstractAsyncContextManager[BatchApi]:
        """Open the way to the provider's batches; see `Model.connect`."""


def moment(text: str) -> datetime:
    """Return a time in ISO 8601, UTC where it says no zone.

    Raises:
        ValueError: it is none.
    """
    read = datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=UTC)

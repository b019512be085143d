"""What the user is told of batches: sentences, apart from what makes them needed."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence

from distill.errors import ModelError
from distill.models.batch_parcel import Parcel, requests
from distill.models.protocol import FailedRequestError

RESUME = "what was sent goes on without us: the same command fetches it and sends nothing twice"


class UnderWayWarning(UserWarning):
    """What is about to be asked online is in a batch already."""


def warn_of_batches(role: str, number: int) -> None:
    """Say so where requests that are asked one at a time are in a batch already.

    Args:
        role: `teacher` or `judge`.
        number: How many of them are.
    """
    if number:
        warnings.warn(
            f"{role}: {requests(number)} of this run have been sent in a batch, and are paid for "
            "once more where they are asked one at a time, unless a run is still waiting for it; "
            f"{role}.mode=batch fetches the batch.",
            UnderWayWarning,
            stacklevel=2,
        )


def failed(role: str, error: FailedRequestError) -> ModelError:
    """Return what ends a run whose endpoint does not do as it is asked."""
    hint = "see `distill doctor`" if error.fatal else RESUME
    return ModelError(f"{role}: batches: {error.detail}.", hint=hint)


def unknown(role: str, parcel: Parcel, error: FailedRequestError) -> ModelError:
    """Return what ends a run whose batch the endpoint does not know."""
    return ModelError(
        f"{role}: batches: the endpoint does not know batch {parcel.batch_id}, of which "
        f"{len(parcel.left):,} answers are expected ({error.detail}).",
        hint=f"use the endpoint and the key that it was sent with; {role}.mode=online asks once "
        "more, and pays once more",
    )


def without_batches(role: str, error: FailedRequestError) -> ModelError:
    """Return what ends a run whose endpoint takes no batches."""
    return ModelError(
        f"{role}: batches: the endpoint takes none ({error.detail}).",
        hint=f"{role}.mode=online asks one request at a time",
    )


def stopping(in_flight: Sequence[Parcel], *, is_sending: bool) -> str:
    """Return what is said at an interrupt.

    Args:
        in_flight: Batches that are waited for.
        is_sending: Whether another one is just being sent.
    """

    def lines() -> Iterator[str]:
        for parcel in in_flight:
            yield f"batch {parcel.batch_id} of {requests(parcel.total)} goes on at the provider"
        if is_sending:
            yield "a batch is just being sent; interrupt again to lose its receipt"

    said = "".join(f"  {line}\n" for line in lines())
    return f"stopping; the same command goes on from here.\n{said}"

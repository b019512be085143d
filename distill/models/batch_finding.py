"""Finds a batch that was sent while nobody heard the answer: a killed process, a lost connection.

A provider lists batches without the ids of their requests. One that has ended is known by its
results, whose ids bear our token; one that still runs and has as many requests may be ours, and is
waited for rather than sent once more.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

from distill.models.batch_api import BatchState, NoBatchError, moment
from distill.models.batch_parcel import Dealings, Parcel, pauses

# The provider's clock and ours.
CLOCKS_DIFFER = timedelta(minutes=10)
# What was written down so long ago is listed by now, or never was taken.
LONG_AGO = timedelta(hours=1)


async def find(dealings: Dealings, parcel: Parcel) -> str | None:
    """Return the provider's id of the batch that a parcel became; `None` if it never arrived.

    It may be listed late: it is looked for during the model's `lost_batch_s`.

    Raises:
        NoBatchError: the endpoint does not list its batches.
        FailedRequestError: it does not answer.
    """
    written = moment(parcel.written_at)
    since = (written - CLOCKS_DIFFER).isoformat()
    is_old = datetime.now(UTC) - written > LONG_AGO
    ends_at = time.monotonic() + (0.0 if is_old else dealings.model.lost_batch_s)
    others: set[str] = set()
    waited_for = ""
    for pause_s in pauses():
        listed = await dealings.patiently(lambda: dealings.api.since(since))
        others |= await asyncio.to_thread(dealings.book.known_ids)
        alike = [s for s in listed if s.total == parcel.total and s.batch_id not in others]
        for state in alike:
            if not state.has_ended:
                continue
            if await _bears(dealings, parcel, state):
                return state.batch_id
            others.add(state.batch_id)
        running = [state.batch_id for state in alike if not state.has_ended]
        left_s = ends_at - time.monotonic()
        if not running and left_s <= 0:
            return None
        if running and running[0] != waited_for:
            waited_for = running[0]
            dealings.tell(f"{dealings.role}: waiting for batch {waited_for}, which may be ours")
        await asyncio.sleep(pause_s if running else min(pause_s, left_s))
    raise AssertionError("pauses have no end")


async def _bears(dealings: Dealings, parcel: Parcel, state: BatchState) -> bool:
    """Say whether a batch that has ended is the one with this token, by its first result."""

    async def first() -> bool:
        async with aclosing(dealings.api.results(state.batch_id)) as results:
            async for result in results:
                return parcel.number(result.custom_id) is not None
        return False

    try:
        return state.has_results and await dealings.patiently(first)
    except NoBatchError:
        return False

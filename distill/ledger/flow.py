"""The ledger from inside an event loop: commits in groups, claims handed out one by one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from distill.errors import LedgerError
from distill.ledger.claims import Claimed, Claims
from distill.ledger.entry import Entry
from distill.ledger.store import Ledger

# Keys claimed in one transaction: few enough that two processes share the work.
CLAIM_AHEAD = 32
# Between two looks at responses that another process is paying for.
POLL_S = 0.1
# A claimant that says nothing for so long is gone, even on another machine.
LEASE_S = 90.0
RENEW_S = 20.0


@asynccontextmanager
async def held(claims: Claims) -> AsyncIterator[None]:
    """Keep what is claimed for as long as the block takes, and give it up at its end."""
    renewing = asyncio.create_task(_renew(claims))
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.to_thread(claims.release)


async def _renew(claims: Claims) -> None:
    while True:
        await asyncio.sleep(RENEW_S)
        # One that fails is made up for by the next; what is lost to others is paid twice.
        with suppress(LedgerError):
            await asyncio.to_thread(claims.renew, lease_s=LEASE_S)


class ClaimQueue:
    """Hands out the missing keys that nobody else is paying for, and waits for the others.

    Args:
        claims: This call's claimant.
        keys: The missing keys.
    """

    def __init__(self, claims: Claims, keys: Sequence[str]) -> None:
        self._claims = claims
        self._todo: deque[str] = deque(keys)
        self._ready: deque[str] = deque()
        self._lock = asyncio.Lock()

    async def next(self) -> Claimed | None:
        """Return one granted key, or keys that others answered meanwhile; `None` at the end."""
        async with self._lock:
            while not self._ready:
                if not self._todo:
                    return None
                some = [self._todo.popleft() for _ in range(min(CLAIM_AHEAD, len(self._todo)))]
                claimed = await asyncio.to_thread(self._claims.claim, some, lease_s=LEASE_S)
                self._ready.extend(key for key in some if key in claimed.granted)
                self._todo.extend(key for key in some if key in claimed.busy)
                if claimed.answered:
                    return replace(claimed, granted=frozenset())
                if not claimed.granted and len(claimed.busy) == len(some):
                    await asyncio.sleep(POLL_S)
            key = self._ready.popleft()
            return Claimed(granted=frozenset({key}), answered=frozenset(), busy=frozenset())


class GroupCommit:
    """Puts entries into the ledger, as many a transaction as came in during the last one."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: list[tuple[Entry, asyncio.Future[None]]] = []
        self._flush: asyncio.Task[None] | None = None

    async def __aenter__(self) -> GroupCommit:
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._flush is not None:
            await asyncio.shield(self._flush)

    async def put(self, entry: Entry) -> None:
        """Return when `entry` is durable."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, done))
        if self._flush is None or self._flush.done():
            self._flush = asyncio.create_task(self._flush_all())
        await done

    async def _flush_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await asyncio.to_thread(self._ledger.put, [entry for entry, _ in batch])
            # Whatever it was, those who wait must hear of it.
            except Exception as error:
                for _, done in batch:
                    if not done.done():
                        done.set_exception(error)
            else:
                for _, done in batch:
                    if not done.done():
                        done.set_result(None)

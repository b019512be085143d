"""Waiting for a database server that was there and is away: a restart costs a run nothing."""

from __future__ import annotations

import time
import warnings
from typing import Any

import sqlalchemy as sa

WAIT_S = 30.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0


class ServerAwayWarning(UserWarning):
    """The ledger's server does not answer; the run waits for it."""


def wait_for_server(engine: sa.Engine, *, wait_s: float = WAIT_S) -> None:
    """Make new connections wait for a server that has answered before.

    Args:
        engine: A server's; one that never answered is told at once.
        wait_s: Seconds after which the error is told.
    """
    has_answered = False

    def connect(dialect: Any, _record: Any, arguments: Any, options: Any) -> Any:
        nonlocal has_answered
        ends_at = time.monotonic() + wait_s
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                connection = dialect.connect(*arguments, **options)
            except dialect.loaded_dbapi.OperationalError:
                if not has_answered or time.monotonic() + pause_s > ends_at:
                    raise
                if pause_s == FIRST_PAUSE_S:
                    warnings.warn(
                        f"the ledger's server is away; waiting up to {wait_s:g} s for it.",
                        ServerAwayWarning,
                        stacklevel=2,
                    )
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            else:
                has_answered = True
                return connection

    sa.event.listen(engine, "do_connect", connect)

"""One check's own draw: sample indices of its own, the same after an interruption.

    outputs/drift/RUN_ID/ledger.db        fresh replies of all checks, unless a ledger is named
    outputs/drift/RUN_ID/unfinished.json  the check that goes on: where its indices begin, and when
    outputs/drift/RUN_ID/TIME_DRAW.json   a check that came to its end, as `--json` prints it

A check that was cut off goes on with what is paid for when it is started again; the replies of one
that came to its end are never used for another. What was cut off longer ago than `STALE_AFTER` says
nothing of now: then everything is asked anew.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from distill.errors import UserError
from distill.ledger import now_utc
from distill.paths import write_text
from distill.runs import OUTPUTS

FOLDER = OUTPUTS / "drift"
LEDGER = "ledger.db"
UNFINISHED = "unfinished.json"
STALE_AFTER = timedelta(days=1)
# Sample indices of checks: above those of the runs' own canaries, and within 31 bits.
FIRST_SAMPLE = 2_000_000
SAMPLES_APART = 1000
PLACES = 2_000_000


@dataclass(frozen=True, kw_only=True)
class Draw:
    """A check that goes on.

    Args:
        folder: Of the run's checks.
        first_sample: Sample index of the first reply.
        started_at: UTC, ISO 8601.
    """

    folder: Path
    first_sample: int
    started_at: str

    @property
    def ledger_url(self) -> str:
        """Where replies are kept unless the user names a ledger."""
        return str(self.folder / LEDGER)

    def finish(self, told: Mapping[str, Any]) -> Path:
        """Write what came of the check, and let the next one be a new draw."""
        number = (self.first_sample - FIRST_SAMPLE) // SAMPLES_APART
        path = self.folder / f"{self.started_at.replace(':', '-')}_{number:07}.json"
        write_text(path, json.dumps(told, ensure_ascii=False, indent=2, allow_nan=False) + "\n")
        (self.folder / UNFINISHED).unlink(missing_ok=True)
        return path


def begin(run_id: str) -> Draw:
    """Go on with the run's check that was cut off, or begin one.

    Args:
        run_id: Safe as the name of a folder.

    Raises:
        UserError: the folder cannot be written.
    """
    folder = FOLDER / run_id
    try:
        folder.mkdir(parents=True, exist_ok=True)
        marker = folder / UNFINISHED
        found = _read(marker)
        if found is None:
            first = FIRST_SAMPLE + SAMPLES_APART * secrets.randbelow(PLACES)
            _claim(marker, {"first_sample": first, "started_at": now_utc()})
            found = _read(marker)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror}).") from error
    if found is None:
        raise UserError(f"{folder / UNFINISHED}: another check just ended; start again.")
    return Draw(folder=folder, first_sample=found[0], started_at=found[1])


def _claim(marker: Path, told: Mapping[str, Any]) -> None:
    """Write the marker whole, unless another process was faster: then both are one check."""
    draft = marker.with_name(f".{marker.name}.{os.getpid()}.part")
    draft.write_text(json.dumps(told), encoding="utf-8")
    try:
        os.link(draft, marker)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _read(marker: Path) -> tuple[int, str] | None:
    """Return the check that goes on; one that is stale or cannot be read is put away."""
    try:
        told = json.loads(marker.read_text(encoding="utf-8"))
        first, started_at = int(told["first_sample"]), str(told["started_at"])
        age = datetime.now(UTC) - datetime.fromisoformat(started_at)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        age, first, started_at = STALE_AFTER, -1, ""
    if age >= STALE_AFTER or not FIRST_SAMPLE <= first < FIRST_SAMPLE + SAMPLES_APART * PLACES:
        marker.unlink(missing_ok=True)
        return None
    return first, started_at

"""`distill drift`: ask a run's teacher its canary questions again, and compare."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from distill.errors import ConfigError, Fault

if TYPE_CHECKING:
    from distill.drift import Drift
    from distill.reproduce import Settings

# Overrides of `distill reproduce` that mean nothing here.
ELSEWHERE = ("paths.out", "seeds.path")
EPILOG = """\
RUN is
  left out                  the latest run below outputs/ that has canaries
  a folder                  outputs/distill/2026-11-24_08-59-00
  an id, its beginning, a name, or latest: below outputs/, then in the tracking store

A run has canaries if it was made with drift.questions=20 or another number above 0.
Asking again costs money. A check that was interrupted goes on where it stopped.

overrides:
  teacher.base_url, teacher.api_key_env, teacher.concurrency, teacher.timeout_s,
  teacher.max_retries, budget.max_usd
  ledger.url=URL            where fresh replies are kept; else below outputs/drift/
  tracking.uri=URI          look in this tracking store alone, and note the result there
  trust=[my_pkg.MyTask]     components of your own that the run's config may name

exit status: 0 no drift, 1 drift (or the teacher cannot be asked), 2 yours to mend
The keys of --json are described in distill.drift.as_json.
"""


def run(argv: list[str]) -> int:
    """Ask a run's teacher its canary questions again.

    Returns:
        0 where it still answers the same, as far as can be shown; 1 where it does not.
    """
    words = _parser().parse_intermixed_args(argv)

    from rich.console import Console

    from distill.drift import check, print_drift, to_json

    reference, settings = _read(words.words)
    with _place(reference, settings) as folder:
        made, draw = check(folder, settings, Console(stderr=True))
    told = to_json(made)
    record = draw.finish(told)
    if settings.uri is not None:
        _note(made, settings.uri)
    if words.json:
        sys.stdout.write(json.dumps(told, ensure_ascii=False, indent=2, allow_nan=False) + "\n")
    else:
        print_drift(made, Console())
        sys.stdout.write(f"Record   {record}\n")
    return 1 if made.drifted else 0


def _note(made: Drift, uri: str) -> None:
    """Note the result with the tracked run."""
    from distill.tracking import note

    tags = {
        "distill.drift": "drift" if made.drifted else "none found",
        "distill.drift.checked_at": made.checked_at,
    }
    metrics = {"drift/p_value": made.p_value, "drift/found": float(made.drifted)}
    note(made.run_id, uri, tags=tags, metrics=metrics)


def _read(words: list[str]) -> tuple[str | None, Settings]:
    """Return the run, `None` where none is named, and the overrides."""
    from distill.reproduce import read_settings
    from distill.reproduce.settings import KEYS

    rest = list(words)
    named = [word for word in words if word.partition("=")[0].lstrip("+") not in KEYS]
    if named:
        rest.remove(named[0])
    settings = read_settings(rest)
    strange = [key for key in ELSEWHERE if key in settings.given]
    if strange:
        raise ConfigError([Fault(key, "no such key here") for key in strange])
    return (named[0] if named else None), settings


@contextmanager
def _place(reference: str | None, settings: Settings) -> Iterator[Path]:
    """Yield the folder of the run that the user means."""
    from distill.drift.baseline import FILES, no_canaries
    from distill.folder import CANARIES
    from distill.runs import OUTPUTS, find_run, local_runs

    if reference is None:
        places = (Path(run.place) for run in local_runs())
        found = next((place for place in places if (place / CANARIES).is_file()), None)
        if found is None:
            raise no_canaries(f"no run below {OUTPUTS}/ has any")
        yield found
        return
    with find_run(reference, settings.uri, experiment=settings.experiment, names=FILES) as folder:
        yield folder


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="distill drift",
        usage="distill drift [RUN] [--json] [OVERRIDE …]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Ask the pinned teacher of a run its canary questions again, and say whether "
        "it still answers the same.",
        epilog=EPILOG,
    )
    parser.add_argument("words", nargs="*", metavar="RUN", help="the run, and overrides key=value")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser

"""`distill reproduce`: rebuild the dataset of a run with no model call, and compare."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from distill.errors import UserError

if TYPE_CHECKING:
    from distill.reproduce import Settings

CONFIG_ENDINGS = (".yaml", ".yml")
MAX_NAME_BYTES = 255
EPILOG = """\
RUN is
  a folder                  outputs/distill/2026-11-24_08-59-00
  an id, its beginning or a name: below outputs/, then in the tracking store
  latest, latest~1          the newest below outputs/, the one before it
  a config file             FILE.yaml; then a ledger answers, ledger.url=…

overrides:
  tracking.uri=URI          look in this tracking store alone
  ledger.url=URL            a ledger that may have what the run's own responses lack
  trust=[my_pkg.MyFilter]   components of your own that the run's config may name
  with --refresh            teacher.base_url, teacher.api_key_env, teacher.concurrency,
                            teacher.timeout_s, teacher.max_retries, budget.max_usd

exit status: 0 all identical, 1 not, 2 yours to mend
"""


def run(argv: list[str]) -> int:
    """Rebuild a run's dataset, or ask its teacher again.

    Returns:
        0 where dataset, config and seeds are identical, else 1; 0 after `--refresh`.
    """
    words = _parser().parse_intermixed_args(argv)

    from distill.reproduce import read_settings

    reference, overrides = _sorted_out(words.run)
    settings = read_settings(overrides)
    named = settings.out if words.out is None else words.out
    if named is not None and not named.strip():
        raise UserError("--out: got '', want a folder.")
    out = Path(named).expanduser() if named else None
    with _place(reference, settings) as place:
        if words.refresh:
            return _refresh(place, settings, out)
        from distill.reproduce import reproduce
        from distill.reproduce.told import told

        made = reproduce(place, settings, out=out)
    sys.stdout.write("".join(f"{line}\n" for line in told(made)))
    if out is not None:
        sys.stdout.write(f"The rebuilt dataset is in {out}\n")
    return 0 if made.identical else 1


def _refresh(place: Path, settings: Settings, out: Path | None) -> int:
    if out is not None:
        raise UserError("--refresh: it rebuilds nothing; leave --out away.")
    if not place.is_dir():
        raise UserError("--refresh: a config file has no answers to compare with; name a run.")
    from rich.console import Console

    from distill.reproduce.refresh import refresh, told

    made = refresh(place, settings, Console(stderr=True))
    sys.stdout.write("".join(f"{line}\n" for line in told(made)))
    return 0


@contextmanager
def _place(reference: str, settings: Settings) -> Iterator[Path]:
    """Yield the folder or the config file that the user means."""
    path = Path(reference).expanduser()
    if len(os.fsencode(path.name)) > MAX_NAME_BYTES:
        raise UserError("RUN: got a name that is longer than any file's; want a run.")
    if path.suffix.lower() in CONFIG_ENDINGS and not path.is_dir():
        if not path.is_file():
            raise UserError(f"{reference}: no such config file.")
        yield path
        return
    from distill.folder import RUN_FILES
    from distill.reproduce.stored import FILES
    from distill.runs import find_run

    if path.is_dir() and any((path / name).exists() for name in RUN_FILES):
        # A run whose manifest is missing is a damaged run and not an unknown one.
        yield path
        return
    with find_run(reference, settings.uri, experiment=settings.experiment, names=FILES) as folder:
        yield folder


def _sorted_out(words: list[str]) -> tuple[str, list[str]]:
    """Return the run and the overrides; a run's name may look like an override of another key."""
    from distill.reproduce.settings import KEYS

    run = next((word for word in words if word.partition("=")[0].lstrip("+") not in KEYS), None)
    if run is None:
        raise UserError("RUN: which run? A folder, an id, a name, latest, or a config file.")
    rest = list(words)
    rest.remove(run)
    return run, rest


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="distill reproduce",
        usage="distill reproduce RUN [--out DIR | --refresh] [OVERRIDE …]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Rebuild the dataset of a run with no model call, and compare SHA-256.",
        epilog=EPILOG,
    )
    parser.add_argument("run", nargs="+", metavar="RUN", help="the run, and overrides key=value")
    parser.add_argument("--out", metavar="DIR", help="write the rebuilt files there")
    parser.add_argument(
        "--refresh",
        action="store_true",
        help="ask the live teacher again (this costs money) and say how many answers changed",
    )
    return parser

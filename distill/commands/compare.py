"""`distill compare`: two runs beside each other."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from distill.errors import UserError

KEYS = ("tracking.uri", "tracking.experiment")
EXAMPLES = 3
# What a file that `--html` may replace starts with, and where that is looked for.
PAGE_STARTS = (b"<!doctype html", b"<html")
LOOKED_AT_BYTES = 512

EPILOG = """\
a run is named by
  its folder                outputs/distill/2026-11-24_08-59-00
  its id or its beginning   3f2a91bc
  its name                  judge.threshold=0.6
  its age                   latest, latest~1 (the one before)

Names and ids are looked up below outputs/ and then in the tracking store; with
tracking.uri=URI in that store alone. All differences are B minus A.

The keys of --json are described in distill.compare.as_json.
"""


def run(argv: list[str]) -> int:
    """Compare two runs: config, funnel, rows, models, diversity, students.

    Returns:
        0 where the comparison could be made, whatever it says.
    """
    words = _parser().parse_args([word for word in argv if not _is_override(word)])
    settings = _settings([word for word in argv if _is_override(word)])
    if words.examples < 0:
        raise UserError(f"--examples: got {words.examples}, want a whole number of 0 or more.")
    page = None if words.html is None else _page(words.html)

    from distill.compare import compare, read_side
    from distill.compare.side import FILES
    from distill.runs import find_run

    sides = []
    for reference in (words.a, words.b):
        uri, experiment = (settings.get(key) for key in KEYS)
        with find_run(reference, uri, experiment=experiment, names=FILES) as folder:
            sides.append(read_side(folder))
    comparison = compare(sides[0], sides[1], examples=words.examples)
    if page is not None:
        from distill.compare.page import write_page

        write_page(comparison, page)
    if words.json:
        from distill.compare.as_json import to_json

        sys.stdout.write(json.dumps(to_json(comparison), indent=2, allow_nan=False) + "\n")
    else:
        from rich.console import Console

        from distill.compare.terminal import print_comparison

        print_comparison(comparison, Console())
        if page is not None:
            sys.stdout.write(f"Page     {page}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="distill compare",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Compare two finished runs.",
        epilog=EPILOG,
    )
    parser.add_argument("a", metavar="RUN_A")
    parser.add_argument("b", metavar="RUN_B")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--html", metavar="FILE", help="write a page, one file")
    parser.add_argument(
        "--examples",
        type=int,
        default=EXAMPLES,
        metavar="N",
        help=f"rows shown of each kind (default: {EXAMPLES})",
    )
    return parser


def _page(named: str) -> Path:
    """Return where the page goes: a new file, or an earlier page that it replaces."""
    if not named.strip():
        raise UserError("--html: got '', want a file.")
    path = Path(named)
    try:
        if path.is_file():
            with path.open("rb") as file:
                start = file.read(LOOKED_AT_BYTES).lstrip().lower()
            if start and not start.startswith(PAGE_STARTS):
                raise UserError(
                    f"--html: got {named!r}, which is there and no page; want a file of its own.",
                    hint="nothing was changed",
                )
    except OSError as error:
        raise UserError(
            f"--html: got {named!r}, want a file that can be written ({error.strerror})."
        ) from error
    return path


def _is_override(word: str) -> bool:
    return word.startswith("tracking.") and "=" in word


def _settings(words: list[str]) -> dict[str, str]:
    settings = dict(word.split("=", 1) for word in words)
    unknown = [key for key in settings if key not in KEYS]
    if unknown:
        raise UserError(f"{unknown[0]}: no such key here, want {' or '.join(KEYS)}.")
    return settings

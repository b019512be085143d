"""`distill sync`: bring a run's folder into the tracking store."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def run(argv: list[str]) -> int:
    """Upload run folders; one that is there already is completed, never doubled."""
    parser = argparse.ArgumentParser(prog="distill sync", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="RUN_DIR")
    words = parser.parse_args([word for word in argv if not _is_override(word)])
    settings = dict(word.split("=", 1) for word in argv if _is_override(word))

    from distill.tracking import sync

    for folder in words.folders:
        run_id = sync(folder, settings.get("tracking.uri"), settings.get("tracking.experiment"))
        sys.stdout.write(f"{folder}: in the tracking store as run {run_id}\n")
    return 0


def _is_override(word: str) -> bool:
    return word.startswith("tracking.") and "=" in word

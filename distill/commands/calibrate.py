"""`distill calibrate`: the configured judge against human labels."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.errors import UserError

if TYPE_CHECKING:
    from distill.plan import Plan

EPILOG = """\
Labels are rows of a .jsonl, .csv or .parquet file, or of a Hugging Face dataset:
  question, answer          what was asked and answered
  human_score               a human's score in [0, 1], or true or false; null where there is none
  reference_answer          what is right, for the judge to see (optional)
  human_score_2             a second human's score (optional)
  model                     who gave the answer, to measure self-preference (optional)

overrides:
  calibrate.path=FILE       the labels; else the file of heldout.path
  calibrate.run=RUN         judged answers of a run, to be corrected by the labels
  calibrate.precision=0.9   wanted share of right answers among the kept
  calibrate.repeats=3       how often some answers are judged again
  calibrate.gate=true       exit status 1 where the judge does not pass
  judge=…, judge.model=…, judge.threshold=…, budget.max_usd=…, ledger.url=…, paths.out=DIR, …

What the judge says is kept in the ledger: another threshold or precision costs nothing.
200 labels or more are wanted; draw the answers that you label at random.

exit status: 0 done, 1 failed (or calibrate.gate=true and the judge does not pass), 2 yours to mend
The keys of calibration.json are described in distill.calibrate.as_json.
"""
OUT = "outputs/calibrate"


def run(argv: list[str]) -> int:
    """Compare the configured judge with human labels.

    Returns:
        0; with `calibrate.gate=true` 1 where the judge does not pass.
    """
    flags, overrides = _parser().parse_known_intermixed_args(argv)
    overrides = [*flags.overrides, *overrides]
    stray = [word for word in overrides if word.startswith("-")]
    if stray:
        raise UserError(f"no such flag: {stray[0]}.", hint="see distill calibrate --help")
    plan = _plan(overrides, flags.config_dir)

    from rich.console import Console

    from distill.calibrate import (
        calibrate,
        check_writable,
        failures,
        leave,
        print_calibration,
        to_json,
    )

    check_writable(plan.out)
    made = calibrate(plan, Console(stderr=True))
    told = to_json(made)
    files = leave(made, told, plan.out)
    _note(plan, told, files)
    if flags.json:
        sys.stdout.write(json.dumps(told, ensure_ascii=False, indent=2, allow_nan=False) + "\n")
    else:
        print_calibration(made, Console())
        for name, file in zip(("Figures", "Page", "Rows"), files, strict=True):
            sys.stdout.write(f"{name:<9}{file}\n")
    return 1 if plan.calibrate.gate and failures(made) else 0


def _plan(overrides: list[str], config_dir: Path | None) -> Plan:
    """Build the judge and what it needs; no seeds are read and no teacher is asked."""
    from datetime import datetime

    from distill.build import build
    from distill.config import MISSING, compose

    config = compose(overrides, config_dir=config_dir)
    seeds = config.get("seeds")
    if isinstance(seeds, dict) and seeds.get("path") == MISSING:
        seeds["path"] = "none"
    teacher = config.get("teacher")
    if isinstance(teacher, dict) and teacher.get("samples") == 1:
        # Judges that compare answers want several of a teacher's; here the file brings them.
        teacher["samples"] = 2
    if not any(word.lstrip("+").startswith("paths.out=") for word in overrides):
        config["paths"]["out"] = f"{OUT}/{datetime.now().astimezone():%Y-%m-%d_%H-%M-%S}"
    return build(config)


def _note(plan: Plan, told: Mapping[str, Any], files: tuple[Path, ...]) -> None:
    """Show the calibration in the tracking store, where there is one."""
    from distill.tracking import MlflowTracking, note_calibration

    if isinstance(plan.tracking, MlflowTracking):
        note_calibration(plan.tracking, told, files, name=f"calibrate {plan.out.name}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="distill calibrate",
        usage="distill calibrate [--json] [--config-dir DIR] [OVERRIDE …]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Let the configured judge score answers that humans have labelled, and say "
        "how far it can be trusted.",
        epilog=EPILOG,
    )
    parser.add_argument("overrides", nargs="*", metavar="OVERRIDE", help="as for distill run")
    parser.add_argument("--config-dir", "-cd", type=Path, metavar="DIR")
    parser.add_argument("--json", action="store_true", help="print calibration.json")
    return parser

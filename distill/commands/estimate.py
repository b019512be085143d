"""`distill estimate`: requests, tokens and dollars of a run before anything is spent."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from distill.errors import UserError

if TYPE_CHECKING:
    from distill.plan import Plan

SAMPLE = 30
EPILOG = """\
Nothing is written and nothing is paid for: the provider is asked to count tokens, which is free,
and for the model's life cycle. What the ledger holds is free.

examples:
  distill estimate seeds.path=questions.jsonl
  distill estimate experiment=kubernetes budget.max_usd=5 --offline
  distill estimate -m seeds.path=questions.jsonl teacher.model=claude-opus-4-5,claude-haiku-4-5
"""


def run(argv: list[str]) -> int:
    """Estimate the run, or the sweep, that the overrides describe."""
    flags, overrides = _parser().parse_known_intermixed_args(argv)
    overrides = [*flags.overrides, *overrides]
    stray = [word for word in overrides if word.startswith("-")]
    if stray:
        raise UserError(f"no such flag: {stray[0]}.", hint="see distill estimate --help")
    plans = _plans(overrides, flags.config_dir, multirun=flags.multirun)

    from contextlib import ExitStack

    from distill.estimate import StoredResponses, demand_of, estimate
    from distill.estimate.figures import as_json
    from distill.estimate.tokens import Experience

    with ExitStack() as stack:
        urls = dict.fromkeys(plan.ledger.url for plan in plans)
        stored = {url: stack.enter_context(StoredResponses(url)) for url in urls}
        experience = Experience(
            ledgers=list(stored.values()),
            sample=0 if flags.offline else flags.sample,
            seed=plans[0].seed,
        )
        demands = [
            demand_of(plan, stored[plan.ledger.url], answer_tokens=experience.answer_tokens)
            for plan in plans
        ]
        made = estimate(demands, experience)
    if flags.json:
        sys.stdout.write(json.dumps(as_json(made), ensure_ascii=False, indent=2) + "\n")
        return 0
    from rich.console import Console

    from distill.estimate.show import print_estimate

    print_estimate(made, Console())
    return 0


def _plans(overrides: list[str], config_dir: Path | None, *, multirun: bool) -> list[Plan]:
    """Build the run, or every point of the sweep."""
    from distill.build import build
    from distill.config import compose

    if not multirun:
        return [build(compose(overrides, config_dir=config_dir))]
    from distill.ablation import written_out
    from distill.sweep.launch import validated
    from distill.sweep.points import expand

    words = written_out(overrides, config_dir=config_dir)
    points = expand([word for word in words if not word.startswith("hydra")])
    return validated(points, config_dir)


def _sample(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="distill estimate",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Say what a run would ask and cost, before anything is spent.",
        epilog=EPILOG,
    )
    parser.add_argument("overrides", nargs="*", metavar="OVERRIDE", help="as for distill run")
    parser.add_argument(
        "-m", "--multirun", action="store_true", help="all points of a sweep together"
    )
    parser.add_argument("--config-dir", "-cd", type=Path, metavar="DIR")
    parser.add_argument(
        "--offline", action="store_true", help="ask no provider: tokens from bytes and the ledger"
    )
    parser.add_argument(
        "--sample",
        type=_sample,
        default=SAMPLE,
        metavar="N",
        help=f"count at most N requests, the rest by their bytes (default {SAMPLE})",
    )
    parser.add_argument("--json", action="store_true", help="for other programs")
    return parser

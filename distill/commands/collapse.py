"""`distill collapse`: generations of students that learn from students."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from distill.errors import UserError

if TYPE_CHECKING:
    from distill.collapse.chain import Generation
    from distill.plan import Plan

EPILOG = """\
Nothing is paid for. With student=none an n-gram model learns the real texts of seeds.path and is
measured by its perplexity on heldout.path, or on a quarter of the texts where there is none. With a
student, it answers the seeds that have no label and learns from its own answers.

examples:
  distill collapse seeds.path=questions.jsonl
  distill collapse experiment=demo collapse.generations=5
  distill collapse seeds.path=questions.jsonl collapse.share=0.1 'collapse.regimes=[replace,keep]'
  distill collapse --textbook

It leaves collapse.json, collapse.png and collapse.html in paths.out, and a parent with one child a
generation in MLflow. distill run … report.collapse=FOLDER shows the curves in that run's report.
"""


def run(argv: list[str]) -> int:
    """Follow chains of generations over the configured real data."""
    flags, overrides = _parser().parse_known_intermixed_args(argv)
    overrides = [*flags.overrides, *overrides]
    stray = [word for word in overrides if word.startswith("-")]
    if stray:
        raise UserError(f"no such flag: {stray[0]}.", hint="see distill collapse --help")
    if flags.textbook:
        return _textbook(overrides)

    from rich.console import Console

    from distill.build import build
    from distill.collapse.course import follow
    from distill.collapse.page import write_page
    from distill.collapse.show import draw, print_collapse, to_json
    from distill.config import compose, flatten, without_secrets
    from distill.paths import write_text
    from distill.students import Tuned
    from distill.tracking.collapse import mirror_collapse

    config = compose(overrides, config_dir=flags.config_dir)
    plan = build(config)
    told_to = Console(stderr=True)
    if isinstance(plan.student, Tuned):
        # Its trainings show bars of their own, and a generation takes long enough for a line.
        made = follow(plan, lambda title, one: told_to.print(_line(title, one, plan)))
    else:
        with told_to.status("") as status:
            made = follow(
                plan, lambda title, one: status.update(f"{title}: generation {one.number}")
            )
    told = to_json(made, uuid4().hex)
    folder = plan.out
    folder.mkdir(parents=True, exist_ok=True)
    write_text(
        folder / "collapse.json",
        json.dumps(told, ensure_ascii=False, indent=2, allow_nan=False) + "\n",
    )
    draw(told, folder / "collapse.png")
    write_page(told, folder / "collapse.html")
    shown = ("collapse.", "seeds.", "heldout.", "student.", "seed")
    params = {
        key: str(value)
        for key, value in flatten(without_secrets(config))
        if key.startswith(shown) and value is not None
    }
    mirror_collapse(plan.tracking, told, folder, params)
    if flags.json:
        sys.stdout.write(json.dumps(told, ensure_ascii=False, indent=2, allow_nan=False) + "\n")
        return 0
    print_collapse(told, made, Console())
    sys.stdout.write(f"\nPage     {folder / 'collapse.html'}\nPicture  {folder / 'collapse.png'}\n")
    return 0


def _line(title: str, one: Generation, plan: Plan) -> str:
    alarm = "; clearly less varied than generation 0" if one.less_varied else ""
    figure = f"{next(iter(plan.metrics))} {one.heldout:.3f}"
    return f"{title}: generation {one.number} of {plan.collapse.generations}, {figure}{alarm}"


def _textbook(overrides: list[str]) -> int:
    if overrides:
        raise UserError(f"collapse: --textbook takes no overrides, got {overrides[0]}.")
    from rich.console import Console

    from distill.collapse.cases import print_cases

    print_cases(Console())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="distill collapse",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Let students learn from students on your own data, and see what is lost.",
        epilog=EPILOG,
    )
    parser.add_argument("overrides", nargs="*", metavar="OVERRIDE", help="as for distill run")
    parser.add_argument("--config-dir", "-cd", type=Path, metavar="DIR")
    parser.add_argument(
        "--textbook",
        action="store_true",
        help="the cases whose mathematics is known, beside their theory",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser

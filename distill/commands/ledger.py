"""`distill ledger ACTION`: what the ledger holds, why it does not answer, and moving it about."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.errors import ConfigError, Fault, UserError, shown

if TYPE_CHECKING:
    from distill.ledger import Ledger

ACTIONS = {
    "stats": "responses, tokens and dollars by model; size, age, and who is paying right now",
    "explain": "why a run would have to pay: its misses, and in what each differs from the nearest",
    "export": "write responses into FILE.jsonl or FILE.parquet",
    "import": "take over responses from such files, or from a run's responses.parquet",
    "vacuum": "drop lapsed claims and give room back; responses stay",
}
HELP = """\
usage: distill ledger ACTION [WORD …] [ledger.url=…] [--json]

Look after the ledger of model responses.

actions:
{actions}

Each action explains itself: distill ledger ACTION --help
"""
ENDINGS = (".jsonl", ".ndjson", ".parquet")
LEDGER_KEYS = ("ledger.url", "ledger.synchronous")


def run(argv: list[str]) -> int:
    """Do one action.

    Returns:
        0 where it was done, 2 where the action does not exist.
    """
    name = argv[0] if argv else ""
    if name in {"", "-h", "--help", "help"}:
        width = max(map(len, ACTIONS))
        lines = "\n".join(f"  {action:<{width}}  {does}" for action, does in ACTIONS.items())
        sys.stdout.write(HELP.format(actions=lines))
        return 0 if name else UserError.exit_status
    if name not in ACTIONS:
        raise UserError(f"no such action: {name!r}.", hint=f"want one of {', '.join(ACTIONS)}")
    do: dict[str, Callable[[list[str]], int]] = {
        "stats": _stats,
        "explain": _explain,
        "export": _export,
        "import": _import,
        "vacuum": _vacuum,
    }
    return do[name](argv[1:])


def _stats(argv: list[str]) -> int:
    words = _parser("stats").parse_intermixed_args(argv)
    with _ledger(words, _only_overrides(words)) as ledger:
        from distill.ledger.contents import contents_of
        from distill.ledger.told import contents_json, contents_lines

        contents = contents_of(ledger)
    _tell(words, contents_lines(contents), contents_json(contents))
    return 0


def _explain(argv: list[str]) -> int:
    words = _parser("explain").parse_intermixed_args(argv)

    from distill.build import build
    from distill.config import compose

    plan = build(compose(words.words, config_dir=words.config_dir))
    with _open(plan.ledger.url, plan.ledger.synchronous) as ledger:
        from distill.ledger.explain import explain
        from distill.ledger.told import explained_json, explained_lines

        explained = explain(plan, ledger)
    _tell(words, explained_lines(explained), explained_json(explained))
    return 0


def _export(argv: list[str]) -> int:
    words = _parser("export", "FILE").parse_intermixed_args(argv)
    files, settings, overrides = _sorted_out(words.words, ("model", "since"))
    if len(files) != 1:
        raise UserError(f"export: got {len(files)} files, want one FILE.jsonl or FILE.parquet.")
    with _ledger(words, overrides) as ledger:
        from distill.ledger.transfer import export_entries, moment

        since = moment(settings["since"]) if "since" in settings else None
        path = Path(files[0]).expanduser()
        count = export_entries(ledger, path, model=settings.get("model"), since=since)
    _tell(words, [f"{path}: {count:,} responses"], {"file": str(path), "responses": count})
    return 0


def _import(argv: list[str]) -> int:
    words = _parser("import", "FILE").parse_intermixed_args(argv)
    files, _, overrides = _sorted_out(words.words)
    if not files:
        raise UserError("import: got no file, want FILE.jsonl or FILE.parquet, or several.")
    paths = [Path(file).expanduser() for file in files]

    from distill.ledger.transfer import check_files, import_file

    # Before the ledger is opened: it may have to be made.
    check_files(paths)
    with _ledger(words, overrides, new=True) as ledger:
        done = [import_file(ledger, path) for path in paths]
    lines = [
        f"{one.file}: {one.read:,} responses, {one.added:,} new, {one.known:,} in the ledger before"
        if one.read
        else f"{one.file}: no responses in it"
        for one in done
    ]
    as_json = [
        {"file": one.file, "responses": one.read, "new": one.added, "known": one.known}
        for one in done
    ]
    _tell(words, lines, {"files": as_json})
    return 0


def _vacuum(argv: list[str]) -> int:
    words = _parser("vacuum").parse_intermixed_args(argv)
    with _ledger(words, _only_overrides(words)) as ledger:
        from distill.ledger.contents import vacuum
        from distill.ledger.told import vacuumed_json, vacuumed_lines

        done = vacuum(ledger)
    _tell(words, vacuumed_lines(done), vacuumed_json(done))
    return 0


def _parser(action: str, file: str = "") -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"distill ledger {action}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=ACTIONS[action].capitalize().replace("file.", "FILE.") + ".",
        epilog=EPILOGS.get(action),
    )
    what = {"explain": "as for distill run"}.get(action, "ledger.url=… names the ledger")
    parser.add_argument(
        "words", nargs="*", metavar="WORD" if file else "OVERRIDE", help=f"{file} {what}".strip()
    )
    parser.add_argument("--config-dir", "-cd", type=Path, metavar="DIR", help="your config folder")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


EPILOGS = {
    "explain": "example:\n  distill ledger explain experiment=demo task.max_words=60",
    "export": """\
words:
  model=ID      only responses of this model, asked for or served
  since=TIME    only from this time on: 2026-11-24, or 2026-11-24T08:59:00Z

The file is whole or not there at all; two exports of the same responses are the same file. One
that is there already is replaced where it holds responses or nothing, else it is refused.
""",
    "import": """\
Every line is checked before any is stored: its key must belong to its request. A key that the
ledger has keeps its first response.
""",
    "vacuum": "SQLite makes a copy on the way: the disk needs as much room again.",
}


def _sorted_out(
    words: Sequence[str], own: Sequence[str] = ()
) -> tuple[list[str], dict[str, str], list[str]]:
    """Return files, the action's own settings, and overrides that say which ledger.

    Raises:
        UserError: a word is none of them.
    """
    files: list[str] = []
    settings: dict[str, str] = {}
    overrides: list[str] = []
    for word in words:
        key, equals, value = word.partition("=")
        if equals and key.lstrip("+") in LEDGER_KEYS:
            overrides.append(word)
        elif not equals or Path(word).suffix.lower() in ENDINGS:
            files.append(word)
        elif key in own:
            settings[key] = value
        else:
            known = ", ".join(f"{name}=…" for name in (*own, *LEDGER_KEYS))
            raise UserError(f"{key}: no such word here.", hint=f"want {known}")
    return files, settings, overrides


def _only_overrides(words: argparse.Namespace) -> list[str]:
    files, _, overrides = _sorted_out(words.words)
    if files:
        raise UserError(f"{files[0]}: no such word here.", hint="want ledger.url=…")
    return overrides


@contextmanager
def _ledger(
    words: argparse.Namespace, overrides: Sequence[str], *, new: bool = False
) -> Iterator[Ledger]:
    """Open the ledger that the config names.

    Args:
        words: The command line.
        overrides: Overrides of the ledger's own keys.
        new: Whether to make it where there is none.
    """
    from distill.config import compose

    # No run is made, so that none of what a run needs has to be there.
    wanted = ["seeds.path=-", *overrides]
    node: Any = compose(wanted, config_dir=words.config_dir).get("ledger")
    url = node.get("url") if isinstance(node, dict) else None
    synchronous = node.get("synchronous") if isinstance(node, dict) else None
    if not isinstance(url, str) or not url:
        raise ConfigError([Fault("ledger.url", "a path or a SQLAlchemy URL", shown(url))])
    if synchronous not in ("FULL", "NORMAL"):
        raise ConfigError([Fault("ledger.synchronous", "FULL or NORMAL", shown(synchronous))])
    with _open(url, synchronous, new=new) as ledger:
        yield ledger


def _open(url: str, synchronous: str, *, new: bool = False) -> Ledger:
    from distill.ledger import Ledger
    from distill.ledger.address import require_ledger

    if not new:
        require_ledger(url)
    return Ledger(url, synchronous=synchronous)


def _tell(words: argparse.Namespace, lines: Iterable[str], as_json: Any) -> None:
    if words.json:
        sys.stdout.write(json.dumps(as_json, indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("".join(f"{line}\n" for line in lines))

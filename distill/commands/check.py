"""`distill check FILE…`: read files as what they are and tell every fault with its line."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import polars as pl

from distill.errors import DataError, UserError
from distill.heldout.file import REFERENCE, heldout_shape
from distill.records import Records, Shape, read_first, read_records
from distill.records.examples import CHAT, COMPLETION, PREFERENCE
from distill.records.faults import printable
from distill.seeds.file import seeds_shape

if TYPE_CHECKING:
    from rich.console import Console

    from distill.filters import Filter
    from distill.statistics import Interval

Kind = Literal["seeds", "held-out", "dataset", "completion dataset", "preference dataset"]
KINDS = ("seeds", "heldout", "dataset")
MAX_QUESTION_CHARS = 100_000
# Values that are told one by one; of more, only how many there are.
TOLD_VALUES = 12
TOLD_CHARS = 40
QUANTILES = (0.05, 0.5, 0.95)
# A rule that drops more of the humans' answers than this is told of.
MAX_FALSE_REJECTS = 0.1
FILTER = "qa"
TOGETHER = "all together"


def run(argv: Sequence[str]) -> int:
    """Check files and print what was found.

    Args:
        argv: Arguments after `check`.

    Returns:
        0 where all files are fine, 2 where any has a fault.

    Raises:
        SystemExit: the arguments cannot be read (2), or help was asked for (0).
        ConfigError: `--filter` names no choice that can be built.
    """
    from rich.console import Console

    parser = _parser()
    arguments = parser.parse_args(argv)
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    chosen = (arguments.filter, arguments.set, arguments.config_dir)
    if not arguments.gold and any(chosen):
        parser.error("--filter, --set and --config-dir say what --gold tries; give --gold too")
    filters = _filters(arguments) if arguments.gold else None
    fine = True
    for at, source in enumerate(arguments.files):
        if at:
            console.print()
        fine &= _check(
            source,
            forced=arguments.kind,
            max_question_chars=arguments.max_question_chars,
            most=arguments.most,
            filters=filters,
            console=console,
        )
    return 0 if fine else UserError.exit_status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="distill check",
        description="Read seeds, held-out and dataset files (.jsonl, .csv, .parquet, or "
        "hf://owner/name/split) and list every fault with its line.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument(
        "--as",
        dest="kind",
        choices=KINDS,
        help="what the files are; otherwise their first row says: messages, prompt and "
        "completion, or prompt, chosen and rejected make a dataset, "
        f"{REFERENCE} makes a held-out file, all else is seeds",
    )
    parser.add_argument("--most", type=_whole, metavar="N", help="print at most N faults a file")
    parser.add_argument(
        "--max-question-chars",
        type=_whole,
        default=MAX_QUESTION_CHARS,
        metavar="N",
        help="most characters of a question (default: %(default)s)",
    )
    parser.add_argument(
        "--gold",
        action="store_true",
        help="tell which share of the human answers each filter would drop",
    )
    parser.add_argument(
        "--filter",
        metavar="CHOICE",
        help=f"with --gold: the choice of filter=…, [a,b] for more (default: {FILTER})",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="with --gold: an override as for distill run, such as filter.min_words.min_words=20; "
        "again for more",
    )
    parser.add_argument(
        "--config-dir",
        "-cd",
        type=Path,
        metavar="DIR",
        help="with --gold: your own config folder, with filters of your own",
    )
    return parser


def _whole(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"got {text}, want a whole number of 1 or more")
    return number


def _check(
    source: str,
    *,
    forced: str | None,
    max_question_chars: int,
    most: int | None,
    filters: Mapping[str, Filter] | None,
    console: Console,
) -> bool:
    """Print what one file holds, or all its faults; say whether it is fine."""
    kind = None
    name = printable(source)
    try:
        kind = _kind(source, forced)
        records = read_records(source, _shape(kind, max_question_chars))
    except DataError as error:
        shown_faults = error.faults[:most]
        what = f"{kind}, " if kind else ""
        console.print(f"{name}: {what}{_count(len(error.faults), 'fault')}", style="bold red")
        for fault in shown_faults:
            console.print(str(fault))
        if len(shown_faults) < len(error.faults):
            console.print(f"… and {len(error.faults) - len(shown_faults)} more.")
        return False
    except UserError as error:
        console.print(str(error))
        return False
    console.print(f"{name}: {kind}, fine", style="bold green")
    for fact, value in _facts(records, kind):
        console.print(f"  {fact:<10} {value}")
    if filters is not None:
        for line in _gold(records, kind, filters):
            console.print(line)
    return True


def _kind(source: str, forced: str | None) -> Kind | None:
    """Return what a file is, by its first row that can be read; `None` where there is no such."""
    if forced == "seeds":
        return "seeds"
    if forced == "heldout":
        return "held-out"
    first = read_first(source)
    if first is None:
        return "dataset" if forced else None
    if "messages" in first:
        return "dataset"
    if {"prompt", "chosen", "rejected"} <= first.keys():
        return "preference dataset"
    if {"prompt", "completion"} <= first.keys() or (forced and "prompt" in first):
        return "completion dataset"
    if forced:
        return "dataset"
    return "held-out" if REFERENCE in first else "seeds"


def _shape(kind: Kind | None, max_question_chars: int) -> Shape:
    if kind == "dataset":
        return CHAT
    if kind == "completion dataset":
        return COMPLETION
    if kind == "preference dataset":
        return PREFERENCE
    return (
        heldout_shape(max_question_chars) if kind == "held-out" else seeds_shape(max_question_chars)
    )


def _facts(records: Records, kind: Kind | None) -> Iterable[tuple[str, str]]:
    frame = records.frame
    yield "rows", str(frame.height)
    yield "sha256", records.sha256
    if kind in {"seeds", "held-out"}:
        yield "origins", _values(frame["origin"])
        yield "slices", _values(frame["slice"])
        yield "references", _values(frame["reference"])
    else:
        yield "turns", _values(frame["turns"].cast(pl.String))
        yield "system", _values(frame["system"])
        yield "answers", _lengths(frame["answer"])
    yield "questions", _lengths(frame["question"])
    yield "duplicates", _duplicates(frame["question"])


def _filters(arguments: argparse.Namespace) -> Mapping[str, Filter]:
    from distill.build import build
    from distill.config import compose

    # Nothing is asked: samples are for filters that compare them, which a run has to have.
    overrides = [
        "seeds.path=-",
        "teacher.samples=2",
        f"filter={arguments.filter or FILTER}",
        *arguments.set,
    ]
    return build(compose(overrides, config_dir=arguments.config_dir)).filters


def _gold(records: Records, kind: Kind | None, filters: Mapping[str, Filter]) -> Iterable[str]:
    """Tell the false-reject rates of filters on the human answers of a file."""
    from distill.filters.gold import false_rejects, gold_answers

    gold = gold_answers(records.frame) if kind in {"seeds", "held-out"} else None
    if gold is None or gold.is_empty():
        yield "  no human answers to try the filters on"
        return
    yield f"  of {_count(gold.height, 'human answer')} the filters would drop (95 % interval)"
    found = false_rejects(gold, filters)
    rates = {**found.alone, TOGETHER: found.together}
    width = max(map(len, rates))
    for name, rate in rates.items():
        yield f"    {name:<{width}}  {_rate(rate)}"
    high = [
        name for name, rate in rates.items() if rate is not None and rate.value > MAX_FALSE_REJECTS
    ]
    if high:
        yield (
            f"  warning: {', '.join(high)} would drop more than {MAX_FALSE_REJECTS:.0%} of answers "
            "that humans gave."
        )
        yield "    hint: choose other filters for this data, or loosen their numbers"


def _rate(rate: Interval | None) -> str:
    if rate is None:
        return "cannot be measured on one answer a question: it compares samples"
    return f"{rate.value:.1%} ({rate.low:.1%} to {rate.high:.1%})"


def _values(column: pl.Series) -> str:
    """Count the values of a column, each one where they are few."""
    given = column.drop_nulls()
    if given.is_empty():
        return "none"
    without = len(column) - len(given)
    counts = given.value_counts(sort=False, name="rows").sort(
        ["rows", column.name], descending=[True, False]
    )
    none = f", {_count(without, 'row')} without" if without else ""
    if counts.height > TOLD_VALUES:
        most, least = counts["rows"][0], counts["rows"][-1]
        rows = _count(least, "row") if least == most else f"{least} to {most} rows"
        return f"{counts.height} different, {rows} each{none}"
    told = [f"{_short(str(value))} {rows}" for value, rows in counts.iter_rows()]
    return f"{', '.join(told)}{none}"


def _lengths(texts: pl.Series) -> str:
    """Return quantiles of the length of texts, in words and in characters."""
    words = texts.str.count_matches(r"\S+")
    chars = texts.str.len_chars()
    parts = [f"{share:.0%} up to {words.quantile(share, 'lower') or 0:.0f}" for share in QUANTILES]
    return f"{', '.join(parts)}, longest {max(words)} words ({max(chars)} characters)"


def _duplicates(questions: pl.Series) -> str:
    counts = questions.value_counts(name="rows").filter(pl.col("rows") > 1)
    if counts.is_empty():
        return "none"
    rows = int(counts["rows"].sum())
    return f"{_count(counts.height, 'question')} in {rows} rows"


def _short(value: str) -> str:
    # Data may hold the control codes of a terminal.
    text = "".join(sign if sign.isprintable() else "\ufffd" for sign in " ".join(value.split()))
    return text if len(text) <= TOLD_CHARS else f"{text[:TOLD_CHARS]}…"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"

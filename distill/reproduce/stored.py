"""What a run left, read with care: nothing of it was written by anyone who can be trusted.

Every fault is told with the name of the file. A file that can be read but is not, byte for byte,
the one that the run left is noted and used: the rebuild then shows what has changed in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import polars as pl

from distill.config import Config
from distill.errors import ConfigError, Fault, printable, shown
from distill.folder import MANIFEST
from distill.ledger import Entry, entry_digest, response_key
from distill.reproduce.damage import DamagedRunError, damaged, read_bytes, require
from distill.reproduce.facts import Facts, read_facts
from distill.stages.export import DIGEST
from distill.table import GENERATED_COLUMNS, JUDGED_COLUMNS, SEED_COLUMNS
from distill.trust import check_foreign, read_foreign

CONFIG = "config.yaml"
DATASET = "dataset.jsonl"
EXAMPLES = "examples.parquet"
RESPONSES = "responses.parquet"
REJECTED = "rejected.jsonl"
FILES = (CONFIG, DATASET, REJECTED, EXAMPLES, RESPONSES)
COLUMNS = SEED_COLUMNS | GENERATED_COLUMNS | JUDGED_COLUMNS
ENTRY_COLUMNS = {
    field.name: pl.Int64 if field.type == "int" else pl.String for field in fields(Entry)
}
# Cells of `COLUMNS` that no row lacks.
FULL = ("id", "seed_id", "sample", "question", "origin", "source")
TOLD = 3
ALTERED = "not the file that the run left (its SHA-256 is another)"


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A run folder that was read.

    Args:
        folder: Where it lies.
        facts: Out of its manifest.
        config: Checked by `distill.trust`.
        examples: The whole table, columns of `distill.table`.
        responses: Every response.
        damage: What is not as the run left it, in sentences.
        altered: Names of the files that are not what the run left.
    """

    folder: Path
    facts: Facts
    config: Config
    examples: pl.DataFrame
    responses: tuple[Entry, ...]
    damage: tuple[str, ...]
    altered: frozenset[str]


def read_stored(
    folder: Path, *, trusted: Collection[str] = (), replaced: Collection[str] = ()
) -> Stored:
    """Read a run's folder.

    Args:
        folder: Where it lies.
        trusted: As in `check_foreign`.
        replaced: As in `check_foreign`.

    Raises:
        ConfigError: the config is not one that a run saves.
        UserError: the run was left by a newer release.
        DamagedRunError: a file is missing or cannot be read.
    """
    facts = read_facts(folder / MANIFEST)
    require(folder / CONFIG)
    altered = _altered(folder, {**facts.files, DATASET: facts.dataset_sha256})
    with told_of_config(altered=CONFIG in altered):
        config = read_foreign(folder / CONFIG)
        check_foreign(config, trusted=trusted, replaced=replaced)
    examples = read_table(folder / EXAMPLES, COLUMNS, full=FULL)
    responses = read_table(folder / RESPONSES, ENTRY_COLUMNS, full=tuple(ENTRY_COLUMNS))
    _check_ids(examples)
    entries = tuple(Entry(**row) for row in responses.iter_rows(named=True))
    digests = read_digests(folder / RESPONSES) if RESPONSES in altered else []
    return Stored(
        folder=folder,
        facts=facts,
        config=config,
        examples=examples,
        responses=entries,
        damage=(*altered.values(), *_strange(entries, digests, examples)),
        altered=frozenset(altered),
    )


@contextmanager
def told_of_config(*, altered: bool) -> Iterator[None]:
    """Say of faults of a stored config whose they are.

    Args:
        altered: Whether the file is known to be another than the run left.

    Raises:
        ConfigError: the block raised it.
    """
    try:
        yield
    except ConfigError as error:
        why = ALTERED if altered else "not a config that can be rebuilt from; nothing was written"
        raise ConfigError([Fault(CONFIG, why), *error.faults]) from error


def read_table(path: Path, schema: Mapping[str, Any], *, full: Sequence[str]) -> pl.DataFrame:
    """Read a Parquet file.

    Args:
        path: The file.
        schema: Columns that it must have, with their types; others are left out.
        full: Columns of which no cell is null.

    Raises:
        DamagedRunError: it is missing, no Parquet, or has other columns.
    """
    # Polars' own reader ends the whole process on some damaged files; Arrow's raises.
    import pyarrow  # type: ignore[import-untyped]
    from pyarrow import parquet

    data = read_bytes(path)
    try:
        table = parquet.read_table(pyarrow.BufferReader(data), use_threads=False, pre_buffer=False)
        table.validate(full=True)
        frame = pl.DataFrame(pl.from_arrow(table))
    except (Exception, pl.exceptions.PanicException) as error:
        # Damage surfaces as any error: of Arrow, of text that is no UTF-8, of types without a peer.
        raise damaged(path, str(error)) from None
    for name, dtype in schema.items():
        if name not in frame.columns:
            raise damaged(path, f"it has no column {name}")
        if frame.schema[name] != dtype:
            raise damaged(path, f"the column {name} is {frame.schema[name]}, not {dtype}")
        if name in full and frame[name].has_nulls():
            row = frame[name].is_null().arg_max()
            raise damaged(path, f"row {row}, counted from 0, has no {name}")
    return frame.select(*schema)


def _altered(folder: Path, wanted: Mapping[str, str]) -> dict[str, str]:
    """Say of each file that is not what the run left, by its name."""
    told = {}
    for name in FILES:
        path = folder / name
        if name not in wanted:
            continue
        if not path.is_file():
            told[name] = f"{name}: missing from the run in {folder}."
            continue
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != wanted[name]:
            told[name] = f"{name}: {ALTERED}."
    return told


def _check_ids(examples: pl.DataFrame) -> None:
    twice = examples.filter(pl.col("id").is_duplicated())["id"]
    if not twice.is_empty():
        raise DamagedRunError(f"{EXAMPLES}: damaged (the id {shown(twice[0])} stands in two rows).")


def read_digests(path: Path) -> list[str | None]:
    """Return what each response's digest was when the run left it; none in older files."""
    try:
        return list(read_table(path, {DIGEST: pl.String}, full=())[DIGEST])
    except DamagedRunError:
        return []


def _strange(
    entries: tuple[Entry, ...], digests: Sequence[str | None], examples: pl.DataFrame
) -> list[str]:
    """Name the responses that are not what the run left, or not those of their keys."""
    changed = [
        entry.key
        for entry, digest in zip(entries, digests, strict=False)
        if digest is not None and digest != entry_digest(entry)
    ]
    strange = [entry.key for entry in entries if not _has_own_key(entry)]
    rows = {
        key: f"row {printable(row)} ({stage})"
        for stage, column in (("generate", "request_key"), ("judge", "judge_key"))
        for key, row in examples.select(column, "id").iter_rows()
        if key is not None
    }
    told = [
        f"{RESPONSES}: the response of {rows.get(key, 'an unknown row')} does not belong to its "
        "request any more."
        for key in strange[:TOLD]
    ]
    if len(strange) > TOLD:
        told.append(f"{RESPONSES}: so it is with {len(strange) - TOLD} more.")
    other = [key for key in changed if key not in set(strange)]
    told += [
        f"{RESPONSES}: the response of {rows.get(key, 'an unknown row')} is not what the run left."
        for key in other[:TOLD]
    ]
    if len(other) > TOLD:
        told.append(f"{RESPONSES}: {len(other) - TOLD} more are not what the run left.")
    return told


def _has_own_key(entry: Entry) -> bool:
    about = asdict(entry)
    try:
        made = response_key(
            body=json.loads(entry.request),
            **{name: about[name] for name in ("provider", "namespace", "sample")},
        )
    except (ValueError, TypeError, RecursionError):
        return False
    return made == entry.key

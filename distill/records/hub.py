"""Rows of a dataset on the Hugging Face hub, through the optional package `datasets`."""

from __future__ import annotations

import hashlib
import importlib
import re
from collections.abc import Iterator
from typing import Any

from distill.errors import UserError, shown
from distill.ledger import canonical_json
from distill.records.faults import FaultLog
from distill.records.sources import HUB, Row

FORM = "hf://owner/name[:config]/split"
_ADDRESS = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)(:(?P<config>[^/:]+))?(/(?P<split>[^/]+))?")


def hub_rows(source: str, log: FaultLog, digest: hashlib._Hash) -> Iterator[tuple[int, Row]]:
    """Yield `(row number from 1, row)`; integers that stand for class names become the names.

    Raises:
        UserError: `datasets` is not installed, or the dataset cannot be loaded.
    """
    rows = _load(source)
    labels = {
        key: feature.names
        for key, feature in (getattr(rows, "features", None) or {}).items()
        if hasattr(feature, "names")
    }
    for number, loaded in enumerate(rows, 1):
        row = {key: _named(value, labels.get(key)) for key, value in loaded.items()}
        try:
            digest.update(f"{canonical_json(row)}\n".encode())
        except (TypeError, ValueError, RecursionError) as error:
            log.add(number, "text, numbers, lists and objects", f"a row that is no JSON ({error})")
            continue
        yield number, {key: value for key, value in row.items() if value is not None}


def _named(value: Any, names: list[str] | None) -> Any:
    """Return the name of a class; the hub marks an unknown one by -1."""
    if names is None or not isinstance(value, int):
        return value
    return names[value] if 0 <= value < len(names) else None


def _load(source: str) -> Any:
    found = _ADDRESS.fullmatch(source.removeprefix(HUB))
    if found is None:
        raise UserError(f"{source}: want {FORM}.")
    try:
        datasets = importlib.import_module("datasets")
    except ImportError as error:
        raise UserError(
            f"{source}: a Hugging Face dataset is read with the package `datasets`, "
            f"which cannot be imported ({error}).",
            hint="pip install datasets, or give a file that exists",
        ) from None
    name, config, split = found["name"], found["config"], found["split"]
    try:
        if split is None:
            split = _only_split(source, datasets.get_dataset_split_names(name, config))
        return datasets.load_dataset(name, config, split=split)
    except UserError:
        raise
    except Exception as error:  # the package raises anything, from ValueError to those of sockets
        message = " ".join(str(error).split())[:400]
        hint = None if source.startswith(HUB) else "is it a file? then none is there"
        raise UserError(f"{source}: cannot be loaded ({message}).", hint=hint) from error


def _only_split(source: str, splits: list[str]) -> str:
    if len(splits) == 1:
        return splits[0]
    form = f"{HUB}{source.removeprefix(HUB)}"
    raise UserError(
        f"{source}: got no split, want one of {shown(splits)}.", hint=f"{form}/{splits[0]}"
    )

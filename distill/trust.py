"""The check of a config that came from elsewhere, such as one that was saved with a run.

A config names classes to build and places to write to, so one that somebody else wrote could do
anything. Such a config is never handed to Hydra, which executes parts of it before any check could
look at them. It is read as plain data, nothing in it is resolved, and it is refused where it is
more than a saved config can be: a class that is no component of this package, an interpolation, a
`hydra` node, a path that climbs.
"""

from __future__ import annotations

import importlib
import math
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from distill.component import is_component
from distill.config import Config
from distill.errors import ConfigError, Fault, shown

# A saved config has a few kilobytes; its prompts and examples may make it longer.
MAX_BYTES = 2**20
MAX_DEPTH = 32
MAX_INT_BITS = 64
TARGET = "_target_"
PACKAGES = (
    "augmenters",
    "diversity",
    "exports",
    "filters",
    "guards",
    "handovers",
    "heldout",
    "judges",
    "metrics",
    "models",
    "seeds",
    "selectors",
    "students",
    "tasks",
    "tracking",
)
# Sections that say where a run writes.
WRITTEN = ("paths", "ledger", "tracking")
# What of it the user may say instead.
REPLACEABLE = ("paths.out", "ledger.url", "tracking.uri")
PLAIN = (str, bool, int, float, type(None))
TEXT_TAG = "tag:yaml.org,2002:str"
WANT_COMPONENT = "a component of distill by its public name, or one that you trust"
_SPECIAL = re.compile(r"_[a-z_]+_")


@cache
def known_components() -> frozenset[str]:
    """Return the public name of every component of this package, `distill.<group>.<Class>`.

    Only our own packages are imported; no name of a foreign config takes part.
    """
    return frozenset(
        f"distill.{package}.{name}"
        for package in PACKAGES
        for name, made in vars(importlib.import_module(f"distill.{package}")).items()
        if is_component(made)
        and made.__name__ == name
        and made.__module__.startswith(f"distill.{package}.")
    )


def read_foreign(path: Path) -> Config:
    """Read a config as plain data: nested mappings with text keys, lists and plain values.

    Args:
        path: A YAML file of at most `MAX_BYTES`.

    Raises:
        ConfigError: it is missing or no plain YAML: an anchor, a tag, a key twice.
    """
    where = path.name
    if not path.is_file():
        raise ConfigError([Fault(where, "no such file", hint=f"looked in {path.parent}")])
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ConfigError([Fault(where, f"at most {MAX_BYTES} bytes", "a larger file")])
    try:
        return parse_foreign(data.decode(), where)
    except UnicodeDecodeError as error:
        raise ConfigError([Fault(where, "UTF-8", f"another encoding at byte {error.start}")]) from (
            error
        )


def parse_foreign(text: str, where: str) -> Config:
    """Return the mapping that a YAML text is.

    Args:
        text: The text.
        where: What messages call it.

    Raises:
        ConfigError: it is none, or uses more of YAML than a saved config does.
    """
    try:
        _refuse_anchors(text)
        config = yaml.load(text, Loader=_PlainLoader)  # noqa: S506 - a SafeLoader, made stricter
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        problem = error.problem or error.context or "no YAML"
        raise ConfigError([Fault(f"{where}{line}", problem)]) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError([Fault(where, f"no YAML that can be read ({_line(error)})")]) from None
    if not isinstance(config, dict):
        raise ConfigError([Fault(where, "a mapping of keys", shown(config))])
    return config


def check_foreign(
    config: Config, *, trusted: Collection[str] = (), replaced: Collection[str] = ()
) -> None:
    """See that a config is what a run saves, and names nothing but components.

    An absolute path passes: a run that was made elsewhere has them, and nothing is written to any
    place that a foreign config names. What it says under `trust` counts for nothing.

    Args:
        config: As `read_foreign` returns it.
        trusted: Dotted names of further classes, as the user typed them.
        replaced: Whole keys that the user sets, so that the config's own value is not used.

    Raises:
        ConfigError: all faults at once, each with its whole key.
    """
    allowed = known_components() | set(trusted)
    faults = [
        Fault(key, "no such key: a saved config has no Hydra settings")
        for key in config
        if key.lower().startswith("hydra")
    ]
    for where, key, value in _walk(config):
        faults += _key_faults(where, key)
        if key == TARGET:
            if not isinstance(value, str) or value not in allowed:
                faults.append(Fault(where, WANT_COMPONENT, shown(value), _trust_hint(value)))
        elif not isinstance(value, dict | list):
            faults += _value_faults(where, value, replaced)
    if faults:
        raise ConfigError(faults)


def _walk(node: Any, prefix: str = "") -> Iterator[tuple[str, str, Any]]:
    """Yield `(whole key, last key, value)` of everything below `node`; "" in a list."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            where = f"{prefix}.{key}" if prefix else str(key)
            yield where, key, value
            yield from _walk(value, where)
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield f"{prefix}[{i}]", "", value
            yield from _walk(value, f"{prefix}[{i}]")


def _key_faults(where: str, key: str) -> Iterator[Fault]:
    if "${" in key or not key.isprintable():
        yield Fault(shown(where), "a plain key")
    elif _SPECIAL.fullmatch(key) and key != TARGET:
        yield Fault(where, f"no such key: a saved config has {TARGET} alone of Hydra's keys")


def _value_faults(where: str, value: Any, replaced: Collection[str]) -> Iterator[Fault]:
    want = _unlike_saved(value)
    if want is not None:
        got = "a huge one" if isinstance(value, int) else shown(value)
        yield Fault(where, want, got)
    elif isinstance(value, str) and "${" in value:
        resolved = "a saved config is resolved; nothing is looked up for one that is not"
        yield Fault(where, "a text without ${…}", shown(value), resolved)
    elif where.partition(".")[0] in WRITTEN and where not in replaced and _climbs(value):
        hint = f"say where yourself: {where}=…" if where in REPLACEABLE else None
        yield Fault(where, "a path without '..' in it", shown(value), hint)


def _unlike_saved(value: Any) -> str | None:
    """Return what a value should be, `None` where it is one that a run can save."""
    if not isinstance(value, PLAIN):
        return "text, a number, true, false or null"
    if isinstance(value, float) and not math.isfinite(value):
        return "a finite number"
    if isinstance(value, int) and value.bit_length() > MAX_INT_BITS:
        return f"a number of at most {MAX_INT_BITS} bits"
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return "whole characters"
    return None


def _climbs(value: Any) -> bool:
    return isinstance(value, str) and ".." in re.split(r"[/\\]", value)


def _trust_hint(target: Any) -> str | None:
    """Say how to allow a class of the user's own; nobody's own class is in the standard library."""
    if not isinstance(target, str) or not re.fullmatch(r"[A-Za-z_][\w.]*", target):
        return None
    root = target.partition(".")[0]
    if root == "distill" or root in sys.stdlib_module_names or "." not in target:
        return None
    return f"if it is a component of your own: trust=[{target}]"


def _refuse_anchors(text: str) -> None:
    """Refuse anchors, which let a small file stand for a huge one, and deep nesting."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _refused("an anchor or alias, which no saved config has", event)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise _refused(f"more than {MAX_DEPTH} levels", event)


def _refused(problem: str, where: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=where.start_mark)


class _PlainLoader(yaml.SafeLoader):
    """YAML whose keys are texts, each once: no merging, no numbers, no `yes`."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping, its keys checked."""
        seen: set[str] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key, yaml.ScalarNode) or key.tag != TEXT_TAG:
                raise _bad_key("a key that is no text", key)
            if key.value in seen:
                raise _bad_key("a key twice", key)
            seen.add(key.value)
        made: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return made


def _bad_key(problem: str, key: Any) -> yaml.MarkedYAMLError:
    name = f": {shown(key.value)}" if isinstance(key, yaml.ScalarNode) else ""
    return _refused(problem + name, key)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__

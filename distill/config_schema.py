"""The JSON schema of a config file, for editors: keys, types, ranges and what each one does.

Types come from the components' fields, words from the comment beside each key in `conf/`.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from distill.build import MORE_NAMED, NAMED, ONE, SETTINGS, TARGET

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
SEED: Schema = {"type": "integer", "minimum": 0, "maximum": 2**32 - 1}
# A text that is looked up when the config is composed stands in for a value of any type.
LOOKED_UP: Schema = {"type": "string", "pattern": r"\$\{"}
_BESIDE = re.compile(r"^(?P<indent> *)(?P<key>[\w-]+):.*?\s#\s*(?P<words>.+)$")


class _Lenient(GenerateJsonSchema):
    """Leave open what is no data, such as a component within a component."""

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> Schema:
        del schema, error_info
        return {}


def config_schema(conf: Path) -> Schema:
    """Return the schema of an experiment file, or of any file of the package `_global_`.

    Args:
        conf: A config folder: `config.yaml` and a folder for each group.
    """
    beside = _comments(conf / "config.yaml")
    properties: Schema = {
        "defaults": {
            "type": "array",
            "description": "choices of groups: `override /group: choice`",
        },
        "seed": SEED | _told(beside.get("seed")),
    }
    for group in ONE:
        properties[group] = _merged(_choices(conf, group))
    for group in NAMED:
        properties[group] = _object(dict(_named(conf, group)))
    for group in MORE_NAMED:
        # Names are the user's own; each is a choice of the group in the singular.
        choice = _merged(_choices(conf, group.removesuffix("s")))
        properties[group] = {"type": "object", "additionalProperties": choice}
    for section, settings in SETTINGS.items():
        properties[section] = _object(_fields(settings, beside, prefix=f"{section}."))
    return {"$schema": DIALECT, "title": "distill", **_object(properties)}


def _choices(conf: Path, group: str) -> Iterator[dict[str, Schema]]:
    """Yield the properties of every choice of a group that is one component."""
    for file in sorted((conf / group).glob("*.yaml")):
        node, beside = _read(file)
        is_global = group in node
        node = node[group] if is_global else node
        if isinstance(node, Mapping):
            yield _component(node, beside, prefix=f"{group}." if is_global else "")


def _named(conf: Path, group: str) -> Iterator[tuple[str, Schema]]:
    """Yield name and schema of every component of a group that has many."""
    for file in sorted((conf / group).glob("*.yaml")):
        node, beside = _read(file)
        for name, part in node.items():
            if isinstance(part, Mapping) and TARGET in part:
                yield name, _object(_component(part, beside, prefix=f"{name}."))


def _component(
    node: Mapping[str, Any], beside: Mapping[str, str], prefix: str
) -> dict[str, Schema]:
    """Return the properties of a component, `_target_` among them."""
    properties: Schema = {TARGET: {"type": "string", "description": "the class that is built"}}
    if TARGET in node:
        module, _, name = node[TARGET].rpartition(".")
        made = getattr(importlib.import_module(module), name)
        return properties | _fields(made, beside, prefix)
    return properties | {key: _told(beside.get(prefix + key)) for key in node if key != "defaults"}


def _fields(made: Any, beside: Mapping[str, str], prefix: str) -> Schema:
    fields = {}
    for name, field in _whole(made).get("properties", {}).items():
        rule = {key: value for key, value in field.items() if key not in {"title", "default"}}
        words = [beside.get(prefix + name), rule.pop("description", None)]
        fields[name] = _told("; ".join(word for word in words if word)) | (
            {"anyOf": [rule, LOOKED_UP]} if rule else {}
        )
    return fields


def _told(words: str | None) -> Schema:
    return {"description": words} if words else {}


@cache
def _whole(made: Any) -> Schema:
    whole = TypeAdapter(made).json_schema(schema_generator=_Lenient)
    inlined: Schema = _inlined(whole, whole.get("$defs", {}))
    return inlined


def _inlined(part: Any, shared: Mapping[str, Any]) -> Any:
    """Return a part of a schema with every reference replaced by what it leads to."""
    if isinstance(part, list):
        return [_inlined(item, shared) for item in part]
    if not isinstance(part, Mapping):
        return part
    if "$ref" in part:
        return _inlined(shared[part["$ref"].rpartition("/")[2]], shared)
    return {key: _inlined(item, shared) for key, item in part.items() if key != "$defs"}


def _object(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _merged(every: Iterable[dict[str, Schema]]) -> Schema:
    """Return one object that allows what any of the choices allows, and null: the group is off."""
    merged: dict[str, Schema] = {}
    for properties in every:
        for key, rule in properties.items():
            known = merged.setdefault(key, rule)
            if known != rule:
                merged[key] = _either(known, rule)
    return _object(merged) | {"type": ["object", "null"]}


def _either(one: Schema, other: Schema) -> Schema:
    rules = [part for rule in (one, other) for part in rule.get("anyOf", [{}])]
    kept: list[Schema] = []
    for rule in rules:
        if rule not in kept:
            kept.append(rule)
    words = _told(one.get("description") or other.get("description"))
    return words | ({} if {} in kept else {"anyOf": kept})


def _read(file: Path) -> tuple[dict[str, Any], dict[str, str]]:
    return yaml.safe_load(file.read_text(encoding="utf-8")) or {}, _comments(file)


def _comments(file: Path) -> dict[str, str]:
    """Return the comment beside each key, by the key with all that it stands in."""
    beside: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        key = re.match(r"^( *)([\w-]+):", line)
        if key is None:
            continue
        depth = len(key[1])
        above = [*((at, name) for at, name in above if at < depth), (depth, key[2])]
        told = _BESIDE.match(line)
        if told:
            beside[".".join(name for _, name in above)] = told["words"].strip()
    return beside

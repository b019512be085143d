"""Config keys in which two runs differ, passwords masked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from distill.config import flatten, without_secrets
from distill.identity import NOT_IDENTITY

Where = Literal["both", "a", "b"]

MASK = "***"
# Keys come from the environment and never stand in a config; a config that was made by hand may
# hold one all the same. `api_key_env` names a variable, `max_tokens` is a number.
_SECRET = re.compile(r"(password|passwd|secret|api_?key|(^|_)token|(^|_)key)$", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A config key that differs.

    Args:
        key: Dotted.
        a: The value in A, `None` where A lacks the key.
        b: The value in B, likewise.
        where: The side that has the key.
        shapes_dataset: Whether it counts for the identity of what the config asks for; places,
            hosts and speed do not.
    """

    key: str
    a: Any
    b: Any
    where: Where
    shapes_dataset: bool


def differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[Setting, ...]:
    """Return the keys that differ, in the order of the config; groups stay together.

    A group that one side has switched off is missing there: its keys stand in the other only.
    """
    left, right = dict(flatten(a)), dict(flatten(b))
    _drop_hollow(left, right)
    _drop_hollow(right, left)
    places: dict[str, int] = {}
    for key in (*left, *right):
        places.setdefault(_top(key), len(places))
    keys = sorted(dict.fromkeys((*left, *right)), key=lambda key: places[_top(key)])
    return tuple(
        _setting(key, left, right)
        for key in keys
        if key not in left or key not in right or not _same(left[key], right[key])
    )


def shaping(settings: Sequence[Setting]) -> list[Setting]:
    """Return those that shape the dataset."""
    return [one for one in settings if one.shapes_dataset]


def _setting(key: str, left: Mapping[str, Any], right: Mapping[str, Any]) -> Setting:
    where: Where = "both" if key in left and key in right else "a" if key in left else "b"
    return Setting(
        key=key,
        a=_masked(key, left.get(key)),
        b=_masked(key, right.get(key)),
        where=where,
        shapes_dataset=not any(key == name or key.startswith(f"{name}.") for name in NOT_IDENTITY),
    )


def _same(a: Any, b: Any) -> bool:
    """Say whether two values are one; true is not 1, but 1.0 is, as in YAML and to a component."""
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool)


def _drop_hollow(one: dict[str, Any], other: Mapping[str, Any]) -> None:
    """Take out groups that are off here and on there: what is on says it all."""
    for key, value in list(one.items()):
        is_off = value is None or value == {}
        if is_off and any(name.startswith(f"{key}.") for name in other):
            del one[key]


def _masked(key: str, value: Any) -> Any:
    if isinstance(value, str) and value and _SECRET.search(key.rpartition(".")[2]):
        return MASK
    return without_secrets(value)


def _top(key: str) -> str:
    return key.partition(".")[0]

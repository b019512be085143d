"""Reads the fields of a reply off the wire; what is not as it should be is told in a sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from distill.errors import shown


def mapping(value: Any, where: str) -> Mapping[str, Any]:
    """Return an object of a reply.

    Args:
        value: What stands there.
        where: Its path in the reply, for the message.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, Mapping):
        raise _fault(value, where)
    return value


def items(value: Any, where: str) -> list[Any]:
    """Return a list of a reply; for the rest see `mapping`."""
    if not isinstance(value, list):
        raise _fault(value, where)
    return value


def text(value: Any, where: str) -> str:
    """Return a text of a reply; for the rest see `mapping`."""
    if not isinstance(value, str):
        raise _fault(value, where)
    return value


def tokens(value: Any, where: str) -> int:
    """Return a number of tokens, a broken one rounded up; for the rest see `mapping`."""
    try:
        return math.ceil(float(value)) if isinstance(value, float) else int(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise _fault(value, where) from error


def given(node: Mapping[str, Any], name: str, where: str = "") -> Any:
    """Return a field that must be there, be it null; `where` is the path before its name."""
    if name not in node:
        raise _fault(None, where + name)
    return node[name]


def usage(node: Mapping[str, Any], names: tuple[str, str]) -> tuple[int, int] | None:
    """Return the tokens of the request and of the reply; `None` where one is not told.

    Raises:
        ValueError: one of them is no number.
    """
    found = [node.get(name) for name in names]
    if None in found:
        return None
    told, answered = (
        tokens(value, f"usage.{name}") for name, value in zip(names, found, strict=True)
    )
    return told, answered


def _fault(value: Any, where: str) -> ValueError:
    return ValueError(f"{where} is {shown(value)}")

"""One line of JSON into an object that means the same to every reader.

Python's parser takes what other parsers refuse or read differently: NaN, a key twice (the last one
wins), half a surrogate pair, numbers that become infinite, any depth. All of that is refused here.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from distill.errors import shown

# Other readers of the same data recurse; Python itself gives up at about a thousand.
MAX_DEPTH = 64
WANT_JSON_LINES = "one JSON object a line"
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class BadJson(Exception):  # noqa: N818 - it becomes a Fault of the file and never reaches a user
    """A text is no JSON object, or one that readers would disagree about.

    Args:
        got: What was found.
        want: The rule.
    """

    def __init__(self, got: str, want: str = WANT_JSON_LINES) -> None:
        super().__init__(got)
        self.got = got
        self.want = want


def parse_object(text: str) -> dict[str, Any]:
    """Return the object that `text` is.

    Raises:
        BadJson: it is none, or an ambiguous one.
    """
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise BadJson(f"malformed JSON at column {error.pos + 1} ({error.msg})") from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        raise BadJson("a number of thousands of digits", "numbers of a sane length") from None
    if type(value) is not dict:
        raise BadJson(_KINDS[type(value)])
    if text.count("[") + text.count("{") > MAX_DEPTH and depth(value) > MAX_DEPTH:
        raise _too_deep()
    if _SURROGATE.search(text):
        _refuse_lone_surrogates(value)
    return value


def depth(value: Any) -> int:
    """Count how deeply lists and objects are nested; 0 for a plain value."""
    level, values = 0, [value]
    while values := [child for parent in values for child in _children(parent)]:
        level += 1
    return level


def _children(value: Any) -> list[Any]:
    # A leaf stands in for an empty container's missing children, so that it counts as a level.
    if isinstance(value, dict):
        return list(value.values()) or [None]
    return (list(value) or [None]) if isinstance(value, list) else []


def _too_deep() -> BadJson:
    return BadJson("deeply nested JSON", f"at most {MAX_DEPTH} levels")


def _refuse_lone_surrogates(value: dict[str, Any]) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = f"\\u{ord(error.object[error.start]):04x}"
        raise BadJson(f"{half}, half of a surrogate pair", "whole characters") from None


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    seen: set[str] = set()
    twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    raise BadJson(f"the key {shown(twice)} twice in one object", "each key once")


def _finite(text: str) -> float:
    number = float(text)
    if math.isfinite(number):
        return number
    raise BadJson(f"the number {text[:40]}, which is infinite as a float", "finite numbers")


def _no_constant(name: str) -> Any:
    raise BadJson(f"{name}, which is not JSON", "a number or null")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_no_key_twice, parse_float=_finite, parse_constant=_no_constant
)
_KINDS = {
    list: "a list",
    str: "a text",
    int: "a number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
}

"""What terminal and page both show, line by line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from distill.compare.comparison import Comparison
from distill.compare.figures import Figures
from distill.compare.rows import NOT_ASKED, OTHER_ROW
from distill.compare.settings import Setting
from distill.config import flatten
from distill.report.wording import count, visible

ABSENT = "–"
WHY_WORDS = {
    NOT_ASKED: "the question is not among its rows",
    OTHER_ROW: "its question is there with another row",
}


@dataclass(frozen=True, kw_only=True)
class SettingLine:
    """A config key that differs, or a group of keys that one side has and the other lacks whole.

    Args:
        key: Dotted; of a group, what its keys have in common.
        a: A's value as text, or `None` where A lacks it.
        b: B's value.
        keys: How many keys the line stands for.
    """

    key: str
    a: str | None
    b: str | None
    keys: int


def paired(a: Mapping[str, int], b: Mapping[str, int]) -> dict[str, tuple[int | None, int | None]]:
    """Return the numbers of both sides by name, in A's order, then B's; `None` where absent."""
    return {name: (a.get(name), b.get(name)) for name in dict.fromkeys((*a, *b))}


def setting_lines(c: Comparison, *, shapes_dataset: bool) -> list[SettingLine]:
    """Return the settings that differ, those of absent groups folded into one line each."""
    keys = {"a": list(dict(flatten(c.a.config))), "b": list(dict(flatten(c.b.config)))}
    groups: dict[tuple[str, str], list[Setting]] = {}
    for one in c.settings:
        if one.shapes_dataset is shapes_dataset:
            lacking = {"a": keys["b"], "b": keys["a"]}.get(one.where)
            prefix = one.key if lacking is None else _absent_part(one.key, lacking)
            groups.setdefault((prefix, one.where), []).append(one)
    return [_line(prefix, ones) for (prefix, _), ones in groups.items()]


def _absent_part(key: str, known: Sequence[str]) -> str:
    """Return the shortest beginning of `key` below which `known` has nothing."""
    parts = key.split(".")
    for end in range(1, len(parts)):
        prefix = ".".join(parts[:end])
        if not any(name.startswith(f"{prefix}.") for name in known):
            return prefix
    return key


def _line(prefix: str, ones: Sequence[Setting]) -> SettingLine:
    first = ones[0]
    if len(ones) == 1:
        return SettingLine(
            key=visible(first.key),
            a=None if first.where == "b" else value_text(first.a),
            b=None if first.where == "a" else value_text(first.b),
            keys=1,
        )
    values = {one.key: one.a if one.where == "a" else one.b for one in ones}
    kind = str(values.get(f"{prefix}._target_", "")).rpartition(".")[2]
    told = visible(f"{kind}, {count(len(ones))} keys" if kind else f"{count(len(ones))} keys")
    return SettingLine(
        key=visible(prefix),
        a=told if first.where == "a" else None,
        b=told if first.where == "b" else None,
        keys=len(ones),
    )


def value_text(value: Any) -> str:
    """Return a config value as text: texts as they are, all else as JSON."""
    if isinstance(value, str):
        return visible(value) or '""'
    return visible(json.dumps(value, ensure_ascii=False, default=str))


def apart(a: str | None, b: str | None, max_chars: int) -> tuple[str, str]:
    """Return two texts on one line each, made visible, both cut to where they begin to differ.

    Args:
        a: One text; `None` is shown as absent.
        b: The other.
        max_chars: Of each, >= 8.
    """
    one, other = (
        " ".join(visible(text).split()) if text is not None else ABSENT for text in (a, b)
    )
    if max(len(one), len(other)) <= max_chars:
        return one, other
    same = next(
        (i for i, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]),
        min(len(one), len(other)),
    )
    start = max(0, same - max_chars // 4)
    return _window(one, start, max_chars), _window(other, start, max_chars)


def _window(text: str, start: int, max_chars: int) -> str:
    if len(text) <= max_chars:
        return text
    head = "…" if start else ""
    part = text[start : start + max_chars - len(head)]
    cut = start + len(part) < len(text)
    return f"{head}{part[:-1]}…" if cut else f"{head}{part}"


def why_words(why: str) -> str:
    """Return in words why a row is missing."""
    return visible(WHY_WORDS.get(why, why))


def shift(a: int | None, b: int | None) -> str:
    """Return the difference of two numbers: `+12`, "" where there is none to tell."""
    return "" if a is None or b is None or a == b else f"{b - a:+,}"


def number(value: int | None) -> str:
    """Return a number, or a dash where there is none."""
    return ABSENT if value is None else count(value)


def cost_of(figures: Figures) -> float | None:
    """Return what all models of a run cost together; `None` where one of them is not known."""
    costs = [one.cost_usd for one in figures.spent if one is not None]
    if not costs or None in costs:
        return None
    return sum(cost for cost in costs if cost is not None)

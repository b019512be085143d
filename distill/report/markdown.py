"""Markdown that foreign texts cannot break: whatever a template prints is escaped.

Jinja escapes for HTML only. `environment` gives it the same habit for Markdown: a plain text that
is printed shows as itself, and only a `Markdown` is taken as it stands.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from distill.report.wording import visible

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
# An underscore inside a word is one; `://`, `www.` and `@` would make links of bare addresses.
_ACTIVE = re.compile(
    r"[\\`*\[\]<>#|~&$@]|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=www)\.", re.IGNORECASE
)
# What begins a list, a rule or an underlined heading.
_LEADING = re.compile(r"^(?:[-+](?=\s|$)|[-=]+$|\d+(?=[.)](?:\s|$)))")
_TICKS = re.compile(r"`+")


class Markdown(str):
    """Text that is Markdown already."""

    __slots__ = ()


@cache
def environment() -> Environment:
    """Return the environment of the Markdown templates, which are compiled once a process."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    env = Environment(  # noqa: S701 - Markdown is escaped by `finalize`
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        finalize=_finished,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    env.filters |= {"code": code, "block": block}
    return env


def escape(text: object) -> Markdown:
    """Return `text` on one line, as words without any meaning in Markdown or HTML."""
    words = " ".join(visible(str(text)).split())
    escaped = _ACTIVE.sub(r"\\\g<0>", words)
    return Markdown(_LEADING.sub(_guarded, escaped))


def code(text: object) -> Markdown:
    """Return `text` on one line as a code span; as words where a table would break it."""
    words = " ".join(visible(str(text)).split())
    if not words or "|" in words:
        return escape(words)
    fence = "`" * (1 + _longest_run(words))
    pad = " " if "`" in words else ""
    return Markdown(f"{fence}{pad}{words}{pad}{fence}")


def block(text: object, language: str = "") -> Markdown:
    """Return `text` as a fenced block, verbatim."""
    fence = "`" * max(3, 1 + _longest_run(str(text)))
    return Markdown(f"{fence}{language}\n{visible(str(text)).rstrip()}\n{fence}")


def _finished(value: object) -> object:
    return value if isinstance(value, Markdown) else escape(value)


def _guarded(found: re.Match[str]) -> str:
    return f"{found[0]}\\" if found[0].isdigit() else f"\\{found[0]}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in _TICKS.findall(text)), default=0)

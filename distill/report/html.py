"""What all pages share: an environment that escapes whatever is printed, and rows with charts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.report.markdown import TEMPLATES

if TYPE_CHECKING:
    from jinja2 import Environment


@dataclass(frozen=True, kw_only=True)
class Charted:
    """A row of a table with a chart beside its numbers.

    Args:
        name: What the row shows.
        cells: Its numbers as text.
        svg: Its chart, as markup; "" where there is nothing to draw.
        chosen: Whether it is the one that is recommended.
    """

    name: str
    cells: tuple[str, ...]
    svg: str
    chosen: bool = False


def environment(filters: Mapping[str, Any], *folders: Path) -> Environment:
    """Return the environment of a page's templates.

    Args:
        filters: The page's own, by name.
        folders: Of its own templates; those of the report, with the style sheet, come last.
    """
    return _environment(tuple(filters.items()), folders)


# A template takes longer to compile than to render, and a sweep renders it for each point.
@cache
def _environment(filters: tuple[tuple[str, Any], ...], folders: tuple[Path, ...]) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    env = Environment(
        loader=FileSystemLoader([*folders, TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    env.filters |= dict(filters)
    return env

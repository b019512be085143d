"""The points of a sweep: every combination of the swept values, each with a short name."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from distill.errors import ConfigError, Fault

NAME_CHARS = 80
# Hydra's range() adds up floats; twelve digits undo that and keep every value a person would type.
DIGITS = 12


@dataclass(frozen=True, kw_only=True)
class Point:
    """One combination.

    Args:
        index: From 0, in the order in which Hydra runs them.
        swept: Swept keys with this point's values, as text.
        overrides: All overrides of this point.
    """

    index: int
    swept: dict[str, str]
    overrides: tuple[str, ...]

    @property
    def name(self) -> str:
        """The swept values in words, such as `judge.threshold=0.5`."""
        return ", ".join(f"{key}={value}" for key, value in self.swept.items()) or "one point"

    @property
    def folder_name(self) -> str:
        """The name of the folder that this point leaves, within the sweep's."""
        safe = re.sub(r"[^\w.=,-]+", "_", self.name)[:NAME_CHARS]
        return f"{self.index}_{safe}"

    def folder(self, out: Path) -> Path:
        """Return where this point leaves its files."""
        return out / self.folder_name


def expand(overrides: Sequence[str]) -> list[Point]:
    """Return every combination of the swept values.

    Args:
        overrides: As the user typed them; `key=a,b`, `key=range(…)`, `key=choice(…)` sweep.

    Raises:
        ConfigError: nothing is swept, or a sweep cannot be listed, such as an interval.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser

    parsed = OverridesParser.create().parse_overrides(list(overrides))
    endless = [o for o in parsed if o.is_sweep_override() and not o.is_discrete_sweep()]
    if endless:
        want = "values that can be listed: key=a,b,c, key=range(…) or key=choice(…)"
        raise ConfigError([Fault("override", want, str(o.input_line)) for o in endless])
    axes = []
    for one in parsed:
        key = one.get_key_element()
        if one.is_sweep_override():
            values = [rounded(value) for value in one.sweep_string_iterator()]
            axes.append([(key, value, True) for value in values])
        else:
            axes.append([(one.input_line or "", "", False)])
    points = []
    for index, combination in enumerate(itertools.product(*axes)):
        swept = {key.lstrip("+"): value for key, value, is_swept in combination if is_swept}
        words = [f"{key}={value}" if is_swept else key for key, value, is_swept in combination]
        points.append(Point(index=index, swept=swept, overrides=tuple(words)))
    if not any(point.swept for point in points):
        hint = "judge.threshold=0.5,0.6,0.7"
        raise ConfigError([Fault("--multirun", "a key with several values", "none", hint)])
    return points


def rounded(value: str) -> str:
    """Return a swept value without the dust of floating-point addition."""
    if not re.fullmatch(r"-?\d+\.\d{13,}(e-?\d+)?", value):
        return value
    return repr(float(f"{float(value):.{DIGITS}g}"))

"""Runs without one filter: `ablate=NAME`, and a sweep over all of them, `-m ablate=filters`.

The key never reaches a saved config: what is saved is the config without the filter, so that an
ablated run is rebuilt and compared like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from distill.errors import ConfigError, Fault, shown

KEY = "ablate"
NONE, ALL, EACH = "none", "all", "filters"


def ablated(config: dict[str, Any]) -> dict[str, Any]:
    """Return the config without the key, and without the filter that it names.

    Args:
        config: Resolved; `ablate` is a filter's name, `none` or `all`, or not there.

    Raises:
        ConfigError: the config has no such filter.
    """
    name = config.pop(KEY, None)
    if name in (None, NONE):
        return config
    filters = config.get("filter") or {}
    if name == ALL:
        return config | {"filter": {}}
    if not isinstance(name, str) or name not in filters:
        near = get_close_matches(str(name), list(filters), n=1)
        hint = f"did you mean {near[0]}?" if near else None
        if name == EACH:
            hint = "distill run -m ablate=filters sweeps over them"
        want = f"one of {', '.join((NONE, *filters, ALL))}"
        raise ConfigError([Fault(KEY, want, shown(name), hint)])
    return config | {"filter": {key: one for key, one in filters.items() if key != name}}


def written_out(overrides: Sequence[str], *, config_dir: Path | None) -> list[str]:
    """Return the overrides with `ablate=filters` as a sweep: none, each filter by itself, all.

    Raises:
        ConfigError: the config has no filter.
    """
    from distill.config import compose

    wanted = f"{KEY}={EACH}"
    if wanted not in overrides:
        return list(overrides)
    from distill.sweep.points import expand

    others = [word for word in overrides if word != wanted and not word.startswith("hydra")]
    # Other keys may be swept as well: the filters are those of the first point.
    first = expand([*others, f"{KEY}={NONE},{ALL}"])[0].overrides
    filters = list(compose(first, config_dir=config_dir).get("filter") or {})
    if not filters:
        raise ConfigError([Fault(KEY, "a config with filters", "none", "filter=qa")])
    sweep = f"{KEY}={','.join((NONE, *filters, ALL))}"
    return [sweep if word == wanted else word for word in overrides]

"""Packages of the `filters` extra: told of while a config is read, imported where they are used."""

from __future__ import annotations

import importlib.util


def want_package(name: str) -> None:
    """See that a package of the extra is there.

    Raises:
        ValueError: it is not; a config that needs it is then refused before anything is spent.
    """
    if importlib.util.find_spec(name) is None:
        raise ValueError(
            f"the package {name} is not installed; pip install 'distill[filters]' brings it"
        )

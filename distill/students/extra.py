"""Packages of the `train` extra: told of while a config is read, imported where they are used."""

from __future__ import annotations

import importlib.util


def want_torch(key: str) -> None:
    """See that torch is there.

    Args:
        key: The key that asks for it.

    Raises:
        ValueError: it is not; a config that needs it is then refused before anything is spent.
    """
    if importlib.util.find_spec("torch") is None:
        raise ValueError(
            f"{key}: the package torch is not installed; pip install 'distill[train]' brings it"
        )

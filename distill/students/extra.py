"""The `train` extra: told of before anything is spent, imported where it is used."""

from __future__ import annotations

import importlib.util

from distill.errors import ExtraMissingError


def require_torch(key: str) -> None:
    """See that torch is there.

    Args:
        key: The key that asks for it.

    Raises:
        ExtraMissingError: it is not.
    """
    if importlib.util.find_spec("torch") is None:
        raise ExtraMissingError(
            f"{key}: the package torch is not installed.", hint="pip install 'distill[train]'"
        )

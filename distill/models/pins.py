"""Which ids are pins and which are aliases that a provider may move, and when models retire.

Anthropic: before the 4.6 generation a pinned id ends in its snapshot's date and the shorter form
is an alias; from 4.6 on the dateless id is itself a fixed snapshot.
Source: Anthropic, "Model IDs and versioning" (platform documentation, read November 2026).
"""

from __future__ import annotations

import re
import warnings
from datetime import UTC, datetime, timedelta

from distill.errors import ModelError

WARN_BEFORE = timedelta(days=60)
FIRST_DATELESS_PIN = (4, 6)
_DATED = re.compile(r"[-@]\d{8}$")
_EARLY = re.compile(r"^claude-\d(?:-\d)?-[a-z]+$")
_GENERATION = re.compile(r"^claude-[a-z]+-(\d+)(?:-(\d))?$")
KNOWN_PINS = {
    "claude-opus-4-5": "claude-opus-4-5-20251101",
    "claude-sonnet-4-5": "claude-sonnet-4-5-20250929",
    "claude-haiku-4-5": "claude-haiku-4-5-20251001",
}


class RetirementWarning(UserWarning):
    """The model that a run is pinned to will soon be gone."""


def is_claude_alias(model: str) -> bool:
    """Say whether Anthropic may move `model` to other weights."""
    if model.endswith("-latest"):
        return True
    if _DATED.search(model):
        return False
    if _EARLY.match(model):
        return True
    generation = _GENERATION.match(model)
    if generation is None:
        return False
    return (int(generation[1]), int(generation[2] or 0)) < FIRST_DATELESS_PIN


def is_moving_tag(model: str) -> bool:
    """Say whether an id of any other provider is a moving tag by its own words."""
    return model.endswith(("-latest", ":latest", "@latest"))


def pin_hint(model: str) -> str:
    """Say how to mend an alias."""
    pin = KNOWN_PINS.get(model)
    return f"pin {pin}" if pin else "pin the id with its date"


def warn_of_retirement(
    name: str, model: str, *, lifecycle: str | None, retires_at: datetime | None
) -> None:
    """Stop for a retired model, warn with the date for one that is about to be.

    Args:
        name: Who is asked: `teacher` or `judge`.
        model: The pinned id.
        lifecycle: The provider's word: `active`, `deprecated`, `retired`, or `None`.
        retires_at: When it will be gone, or `None` where nothing is known.

    Raises:
        ModelError: the model is retired.
    """
    if lifecycle == "retired":
        raise ModelError(
            f"{name}.model: {model} is retired.",
            hint="choose another model; answers that are in the ledger still serve",
        )
    if retires_at is not None and retires_at - datetime.now(UTC) < WARN_BEFORE:
        warnings.warn(
            f"{name}.model: {model} retires on {retires_at:%Y-%m-%d}; after that only answers in "
            "the ledger serve.",
            RetirementWarning,
            stacklevel=2,
        )

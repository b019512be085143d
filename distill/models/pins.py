"""Which ids are pins and which are aliases that a provider may move, and when models retire.

Anthropic: before the 4.6 generation a pinned id ends in its snapshot's date and the shorter form
is an alias; from 4.6 on the dateless id is itself a fixed snapshot.
Source: Anthropic, "Model IDs and versioning" (platform documentation, read November 2026).

OpenAI: an id without its snapshot's date moves to newer snapshots; early snapshots bear four digits
(`gpt-4-0613`), and a tuned model (`ft:…`) is weights of its own.
Source: OpenAI, "Models", snapshots and aliases (platform documentation).

Ollama: a name is `model:tag`, and without its tag it is `latest`.
Source: Ollama, API reference, "Model names".
"""

from __future__ import annotations

import re
import warnings
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from distill.errors import ModelError
from distill.models.protocol import Model

WARN_BEFORE = timedelta(days=60)
FIRST_DATELESS_PIN = (4, 6)
_DATED = re.compile(r"[-@]\d{8}$")
_EARLY = re.compile(r"^claude-\d(?:-\d)?-[a-z]+$")
_GENERATION = re.compile(r"^claude-[a-z]+-(\d+)(?:-(\d))?$")
_SNAPSHOT = re.compile(r"-(?:\d{4}-\d{2}-\d{2}|\d{4}(?:-preview)?)$")
CLAUDE = "claude-"
MOVES = "an alias that the provider may move"
KNOWN_PINS = {
    "claude-opus-4-5": "claude-opus-4-5-20251101",
    "claude-sonnet-4-5": "claude-sonnet-4-5-20250929",
    "claude-haiku-4-5": "claude-haiku-4-5-20251001",
}


class RetirementWarning(UserWarning):
    """The model that a run is pinned to will soon be gone."""


def unpinned(model: Model) -> tuple[str, str] | None:
    """Say why the id of a model is no pin, and how to mend it; `None` where it is one.

    A gateway names models as it likes, so that the rules of a provider hold at its own endpoint.
    """
    name = model.model
    if model.provider == "anthropic":
        if _is_own(model, "api.anthropic.com") and not name.startswith(CLAUDE):
            return f"want an id that begins with {CLAUDE}", pin_hint(name)
        moves = is_claude_alias(name)
    elif getattr(model, "endpoint", None) == "ollama":
        moves = is_moving_tag(name) or is_untagged(name)
        if moves:
            stem = name.removesuffix(":latest")
            return MOVES, f"name a tag that `ollama list` shows, such as {stem}:8b"
    elif getattr(model, "endpoint", None) is not None and _is_own(model, "api.openai.com"):
        moves = is_openai_alias(name)
    else:
        moves = is_moving_tag(name)
    return (MOVES, pin_hint(name)) if moves else None


def is_claude_alias(model: str) -> bool:
    """Say whether Anthropic may move `model` to other weights."""
    if is_moving_tag(model):
        return True
    if _DATED.search(model):
        return False
    if _EARLY.match(model):
        return True
    generation = _GENERATION.match(model)
    if generation is None:
        return False
    return (int(generation[1]), int(generation[2] or 0)) < FIRST_DATELESS_PIN


def is_openai_alias(model: str) -> bool:
    """Say whether OpenAI may move `model` to other weights."""
    if is_moving_tag(model):
        return True
    return not (model.startswith("ft:") or _SNAPSHOT.search(model))


def is_untagged(model: str) -> bool:
    """Say whether an id of Ollama names no tag; a registry's port is none."""
    return ":" not in model.rpartition("/")[2]


def is_moving_tag(model: str) -> bool:
    """Say whether an id of any provider is a moving tag by its own words."""
    return re.search(r"(?:^|[-:@])latest$", model, re.IGNORECASE) is not None


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
        ModelError: the model is retired, by the provider's word or by its date.
    """
    now = datetime.now(UTC)
    gone = retires_at is not None and retires_at <= now
    if lifecycle == "retired" or gone:
        since = f"was retired on {retires_at:%Y-%m-%d}" if gone else "is retired"
        raise ModelError(
            f"{name}.model: {model} {since}.",
            hint="choose another model; answers that are in the ledger still serve",
        )
    if retires_at is not None and retires_at - now < WARN_BEFORE:
        warnings.warn(
            f"{name}.model: {model} retires on {retires_at:%Y-%m-%d}; after that only answers in "
            "the ledger serve.",
            RetirementWarning,
            stacklevel=2,
        )


def _is_own(model: Model, host: str) -> bool:
    """Say whether a model is asked at its provider's own endpoint."""
    base_url = getattr(model, "base_url", None)
    return base_url is None or urlsplit(base_url).hostname == host

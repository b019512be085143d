"""How a judge's model is asked: material as data, and an unreadable reply asked for once more."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from distill.models.client import ModelClient
from distill.models.protocol import Failure, Model, Outcome, Request
from distill.models.structured import read_object

T = TypeVar("T")
FENCE_DIGITS = 16


@dataclass(frozen=True, kw_only=True)
class Heard(Generic[T]):
    """A reply that could be read, or the reason why there is none.

    Args:
        value: What was read, or `None`.
        why: Why nothing was read, "" otherwise.
        key: The response's key in the ledger, "" where there is no response.
    """

    value: T | None
    why: str = ""
    key: str = ""


def ask_for(
    requests: Sequence[Request],
    read: Callable[[Mapping[str, Any]], T],
    *,
    model: Model,
    client: ModelClient,
    vote: int = 0,
    role: str = "judge",
) -> list[Heard[T]]:
    """Ask everything once, and what could not be read once more.

    Args:
        requests: What to ask; their sample index is set here.
        read: Reads the JSON object of a reply; raises `ValueError`, `KeyError` or `TypeError`.
        model: Who is asked.
        client: Answers out of the ledger where it can.
        vote: Asked anew for each vote, from 0.
        role: Whose spend it is.
    """
    first = 2 * vote
    asked = [replace(request, sample=first) for request in requests]
    heard = [_read(outcome, read) for outcome in client.ask(role, model, asked)]
    unread = [i for i, one in enumerate(heard) if one.value is None and one.key]
    if unread:
        again = [replace(requests[i], sample=first + 1) for i in unread]
        for i, outcome in zip(unread, client.ask(role, model, again), strict=True):
            heard[i] = _read(outcome, read)
    return heard


def fenced(seed: str, material: Mapping[str, str]) -> str:
    """Return the material as one line of JSON between marks that do not occur in it.

    The mark is a hash, so that the same material is the same request in every run. An answer cannot
    name its own mark, as naming it changes the hash; other parts of the material might, and then
    the next hash of the chain is taken. So no text, however it was made, can close the data.

    Args:
        seed: What the mark is made from.
        material: What to hand over, by name.
    """
    data = json.dumps(material, ensure_ascii=False)
    fence = _digest(seed)
    while fence in data:
        fence = _digest(fence)
    return f"<data-{fence}>\n{data}\n</data-{fence}>"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:FENCE_DIGITS]


def _read(outcome: Outcome, read: Callable[[Mapping[str, Any]], T]) -> Heard[T]:
    if isinstance(outcome, Failure):
        return Heard(value=None, why=f"the request failed: {outcome.detail}")
    try:
        value = read(read_object(outcome.text))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        why = f"the reply cannot be read ({outcome.stop_reason}): {type(error).__name__}"
        return Heard(value=None, why=why, key=outcome.key)
    return Heard(value=value, key=outcome.key)

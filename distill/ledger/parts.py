"""A request taken apart by the names that users know, and in which parts two of them differ."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from distill.ledger.entry import canonical_json

PROMPT = "prompt"
ABSENT = object()
SHOWN_CHARS = 40
# Characters shown before the place where two texts part.
BEFORE = 8


@dataclass(frozen=True)
class Parts:
    """What shapes an answer.

    Args:
        prompt: The text of the last turn; "" where the body has no turns of text.
        fields: Everything else by name: `provider`, `namespace`, `sample`, `system`, `shots` (the
            turns before the last) and the other fields of the body.
    """

    prompt: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One part in which a request differs from the nearest one in the ledger.

    Args:
        field: Its name, dotted where it lies deeper.
        told: The difference in words.
        cause: The same without what is different in every request; equal causes are counted
            together.
        here: The value of the request, shortened.
        ledger: The value in the ledger, shortened.
        at: The first character that differs, from 1; `None` where the values are no long texts.
    """

    field: str
    told: str
    cause: str
    here: str
    ledger: str
    at: int | None = None


def parts_of(provider: str, namespace: str, sample: int, body: Mapping[str, Any]) -> Parts:
    """Take a request apart; a body of any shape has parts."""
    fields = dict(body)
    turns, prompt = fields.get("messages"), ""
    if isinstance(turns, list) and turns and all(map(_is_turn, turns)):
        del fields["messages"]
        # OpenAI's API has the system prompt among the turns.
        if len(turns) > 1 and turns[0]["role"] == "system" and "system" not in fields:
            fields["system"] = turns[0]["content"]
            turns = turns[1:]
        prompt = turns[-1]["content"]
        if len(turns) > 1:
            fields["shots"] = turns[:-1]
    fields |= {"provider": provider, "namespace": namespace, "sample": sample}
    return Parts(prompt, fields)


def _is_turn(turn: Any) -> bool:
    return (
        isinstance(turn, dict)
        and turn.keys() == {"role", "content"}
        and all(isinstance(value, str) for value in turn.values())
    )


def count_differing(here: Mapping[str, Any], there: Mapping[str, Any]) -> int:
    """Count the fields that differ."""
    if here == there:
        return 0
    return sum(here.get(name, ABSENT) != there.get(name, ABSENT) for name in here.keys() | there)


def differences(here: Parts, there: Parts) -> Iterator[Difference]:
    """Yield what differs, field by field."""
    for name in sorted(here.fields.keys() | there.fields):
        yield from _differ(name, here.fields.get(name, ABSENT), there.fields.get(name, ABSENT))
    if here.prompt != there.prompt:
        yield _texts(PROMPT, here.prompt, there.prompt)


def _differ(name: str, here: Any, there: Any) -> Iterator[Difference]:
    name = printable(name)
    if here is not ABSENT and there is not ABSENT and here == there and type(here) is type(there):
        return
    mine, stored = ({} if value is ABSENT else value for value in (here, there))
    if isinstance(mine, Mapping) and isinstance(stored, Mapping) and (mine or stored):
        for key in sorted(mine.keys() | stored):
            yield from _differ(f"{name}.{key}", mine.get(key, ABSENT), stored.get(key, ABSENT))
    elif isinstance(here, list) and isinstance(there, list) and len(here) == len(there):
        for at, (mine, stored) in enumerate(zip(here, there, strict=True)):
            yield from _differ(f"{name}[{at}]", mine, stored)
    elif isinstance(here, str) and isinstance(there, str) and len(here + there) > SHOWN_CHARS:
        yield _texts(name, here, there)
    elif isinstance(here, list) and isinstance(there, list):
        yield _values(name, f"{len(here)} items", f"{len(there)} items")
    else:
        yield _values(name, _short(here), _short(there))


def _values(name: str, here: str, there: str) -> Difference:
    told = f"{name}: {here} here, {there} in the ledger"
    return Difference(field=name, told=told, cause=told, here=here, ledger=there)


def _texts(name: str, here: str, there: str) -> Difference:
    """Compare two long texts: where they part."""
    at = first_difference(here, there)
    mine, stored = (_excerpt(text, at) for text in (here, there))
    place = f"{name}: differs from character {at + 1}"
    return Difference(
        field=name,
        told=f"{place}: {mine} here, {stored} in the ledger",
        # In a prompt the place depends on the question; elsewhere it is the same for all requests.
        cause=name if name == PROMPT else place,
        here=mine,
        ledger=stored,
        at=at + 1,
    )


def first_difference(here: str, there: str) -> int:
    """Return where two texts part, counted from 0; the shorter one's length if it is never."""
    ends = min(len(here), len(there))
    return next((i for i in range(ends) if here[i] != there[i]), ends)


def _excerpt(text: str, at: int) -> str:
    start = max(0, at - BEFORE)
    cut = text[start : start + SHOWN_CHARS]
    before = "…" if start else ""
    after = "…" if start + SHOWN_CHARS < len(text) else ""
    if at >= len(text):
        return f"its end after {before}{_quoted(cut)}" if text else "nothing"
    return f"{before}{_quoted(cut)}{after}"


def _short(value: Any) -> str:
    if value is ABSENT:
        return "nothing"
    text = _quoted(value) if isinstance(value, str) else printable(canonical_json(value))
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"


def _quoted(text: str) -> str:
    return f"'{printable(json.dumps(text, ensure_ascii=False)[1:-1])}'"


def printable(text: str) -> str:
    """Return a text of somebody else's without the control codes of a terminal."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text)

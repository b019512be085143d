"""Training sets as the exports write them: chats, prompts and completions, preference pairs."""

from __future__ import annotations

from typing import Any

import polars as pl

from distill.errors import shown
from distill.records import Fields, Shape
from distill.records.sources import Columns

SCHEMA: dict[str, Any] = {
    "question": pl.String,  # the first turn of the user, or the prompt
    "answer": pl.String,  # the last turn of the assistant, the completion, or the chosen answer
    "turns": pl.Int64,  # of user and assistant together
    "system": pl.String,  # the system prompt; null where there is none
}
NOTHING = (None, None, None, None)
ROLES = ("system", "user", "assistant")
PAIR = ("user", "assistant")


def _chat_cells(fields: Fields) -> tuple[Any, ...]:
    said = _messages(fields, "messages", "message")
    return NOTHING if said is None else _turns(fields, said, "messages")


def _preference_cells(fields: Fields) -> tuple[Any, ...]:
    prompt = _messages(fields, "prompt", "prompt message")
    chosen = _messages(fields, "chosen", "chosen message")
    rejected = _messages(fields, "rejected", "rejected message")
    if prompt is None or chosen is None or rejected is None:
        return NOTHING
    if chosen == rejected:
        fields.fault("two answers that differ", "chosen and rejected alike")
        return NOTHING
    told = _turns(fields, [*prompt, *chosen], "prompt and chosen")
    other = _turns(fields, [*prompt, *rejected], "prompt and rejected")
    return NOTHING if NOTHING in (told, other) else told


def _messages(fields: Fields, key: str, name: str) -> list[tuple[str, str]] | None:
    """Return role and content of each message under `key`, or `None` where one is faulty."""
    messages: Any = fields.take(key)
    if not isinstance(messages, list) or not messages:
        fields.fault("a list of messages", f"{key} {shown(messages)}")
        return None
    read = [_message(fields, f"{name} {at}", message) for at, message in enumerate(messages, 1)]
    said = [message for message in read if message is not None]
    return None if len(said) < len(read) else said


def _turns(fields: Fields, said: list[tuple[str, str]], name: str) -> tuple[Any, ...]:
    """Return the cells of a row of these messages, or `NOTHING` where their order is faulty."""
    system = said[0][1] if said[0][0] == "system" else None
    turns = said if system is None else said[1:]
    roles = [role for role, _ in turns]
    if roles != [PAIR[at % 2] for at in range(len(roles))]:
        want = "user and assistant in turn, after at most one system message"
        fields.fault(want, f"the roles {', '.join(role for role, _ in said)}")
    elif not roles or roles[-1] != "assistant":
        fields.fault("an answer by the assistant at the end", f"{name} without one")
    else:
        return turns[0][1], turns[-1][1], len(turns), system
    return NOTHING


def _message(fields: Fields, name: str, message: Any) -> tuple[str, str] | None:
    """Return role and content of a message, or `None` where it is faulty."""
    if not isinstance(message, dict):
        fields.fault("an object with role and content", f"{name} {shown(message)}")
        return None
    others = [key for key in message if key not in {"role", "content"}]
    if others:
        fields.fault("role and content alone", f"{name} with {', '.join(map(shown, others))}")
    role = message.get("role")
    if role not in ROLES:
        fields.fault(f"one of {', '.join(ROLES)}", f"{name} with role {shown(role)}")
    content = message.get("content")
    is_sound = fields.is_text(content, f"{name} with content")
    return (str(role), str(content)) if is_sound and role in ROLES and not others else None


def _completion_cells(fields: Fields) -> tuple[Any, ...]:
    prompt = fields.text("prompt", required=True)
    return prompt, fields.text("completion", required=True), len(PAIR), None


CHAT = Shape(schema=SCHEMA, columns=Columns(required=("messages",)), cells=_chat_cells)
PREFERENCE = Shape(
    schema=SCHEMA,
    columns=Columns(required=("prompt", "chosen", "rejected")),
    cells=_preference_cells,
)
COMPLETION = Shape(
    schema=SCHEMA,
    columns=Columns(required=("prompt", "completion"), texts=("prompt", "completion")),
    cells=_completion_cells,
)

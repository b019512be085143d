"""Training sets as the exports write them: chats, and pairs of prompt and completion."""

from __future__ import annotations

from typing import Any

import polars as pl

from distill.errors import shown
from distill.records import Fields, Shape
from distill.records.sources import Columns

SCHEMA: dict[str, Any] = {
    "question": pl.String,  # the first turn of the user, or the prompt
    "answer": pl.String,  # the last turn of the assistant, or the completion
    "turns": pl.Int64,  # of user and assistant together
    "system": pl.String,  # the system prompt; null where there is none
}
NOTHING = (None, None, None, None)
ROLES = ("system", "user", "assistant")
PAIR = ("user", "assistant")


def _chat_cells(fields: Fields) -> tuple[Any, ...]:
    messages: Any = fields.take("messages")
    if not isinstance(messages, list) or not messages:
        fields.fault("a list of messages", f"messages {shown(messages)}")
        return NOTHING
    read = [_message(fields, at, message) for at, message in enumerate(messages, 1)]
    said = [message for message in read if message is not None]
    if len(said) < len(read):
        return NOTHING
    system = said.pop(0)[1] if said[0][0] == "system" else None
    roles = [role for role, _ in said]
    if roles != [PAIR[at % 2] for at in range(len(roles))]:
        want = "user and assistant in turn, after at most one system message"
        fields.fault(want, f"the roles {', '.join(message[0] for message in read if message)}")
    elif not roles or roles[-1] != "assistant":
        fields.fault("an answer by the assistant at the end", "messages without one")
    else:
        return said[0][1], said[-1][1], len(said), system
    return NOTHING


def _message(fields: Fields, at: int, message: Any) -> tuple[str, str] | None:
    """Return role and content of message `at`, or `None` where it is faulty."""
    name = f"message {at}"
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
COMPLETION = Shape(
    schema=SCHEMA,
    columns=Columns(required=("prompt", "completion"), texts=("prompt", "completion")),
    cells=_completion_cells,
)

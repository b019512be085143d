"""What a task reads out of replies, and the prompt's one placeholder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field

from distill.models.protocol import MAX_TOKENS, REFUSAL, Reply

PLACEHOLDER = "{question}"


def _with_placeholder(template: str) -> str:
    if PLACEHOLDER not in template:
        raise ValueError(f"want a text that contains {PLACEHOLDER}")
    return template


Template = Annotated[
    str, AfterValidator(_with_placeholder), Field(description=f"a text with {PLACEHOLDER}")
]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One row's answer, or the reason why there is none.

    Args:
        answer: What the student is to say.
        rationale: The reasoning before it.
        label_probs: (labels,) in the task's order, sums to 1.
        reason: Why the row falls out, or `None`.
        detail: The evidence.
    """

    answer: str | None = None
    rationale: str | None = None
    label_probs: tuple[float, ...] | None = None
    reason: str | None = None
    detail: str | None = None


def filled(template: str, question: str) -> str:
    """Return the prompt; braces in a question are left alone."""
    return template.replace(PLACEHOLDER, question)


def stopped(replies: Sequence[Reply]) -> Answer | None:
    """Return why a reply cannot serve as an answer, or `None` where it can.

    A refusal and a reply that was cut at `max_tokens` would teach the student to refuse or to
    stop in mid-sentence.
    """
    reply = replies[0]
    if reply.stop_reason == REFUSAL:
        return Answer(answer=reply.text or None, reason="refusal", detail="the model refused")
    if reply.stop_reason in {MAX_TOKENS, "model_context_window_exceeded"}:
        return Answer(
            answer=reply.text or None,
            reason="max_tokens",
            detail=f"cut after {reply.output_tokens} tokens ({reply.stop_reason})",
        )
    if not reply.text.strip():
        return Answer(reason="empty", detail="the reply holds no text")
    return None

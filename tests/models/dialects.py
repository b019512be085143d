"""The two protocols that models are reached by, as their servers speak them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ANTHROPIC_LIMITS = {
    "anthropic-ratelimit-requests-limit": "50",
    "anthropic-ratelimit-requests-remaining": "49",
    "anthropic-ratelimit-input-tokens-limit": "30000",
    "anthropic-ratelimit-input-tokens-remaining": "29000",
}
OPENAI_LIMITS = {
    "x-ratelimit-limit-requests": "50",
    "x-ratelimit-remaining-requests": "49",
    "x-ratelimit-limit-tokens": "30000",
    "x-ratelimit-remaining-tokens": "29000",
}


@dataclass(frozen=True)
class Messages:
    """Anthropic's Messages API."""

    path: str = "/v1/messages"
    below: str = ""
    id_header: str = "request-id"
    limits: Mapping[str, str] = field(default_factory=lambda: ANTHROPIC_LIMITS)

    def body(self, text: str, model: str, stop: str = "end_turn") -> dict[str, Any]:
        """Return a response."""
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [{"type": "text", "text": text}] if text else [],
            "stop_reason": stop,
            "usage": {"input_tokens": 7, "output_tokens": 3},
        }

    def error(self, message: str, kind: str = "api_error") -> Any:
        """Return an error in the protocol's envelope."""
        return {"type": "error", "error": {"type": kind, "message": message}}


@dataclass(frozen=True)
class Chat:
    """OpenAI's chat completions."""

    path: str = "/v1/chat/completions"
    below: str = "/v1"
    id_header: str = "x-request-id"
    limits: Mapping[str, str] = field(default_factory=lambda: OPENAI_LIMITS)

    def body(self, text: str, model: str, stop: str = "end_turn") -> dict[str, Any]:
        """Return a response."""
        reasons = {"end_turn": "stop", "max_tokens": "length", "refusal": "content_filter"}
        message = {"role": "assistant", "content": text}
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 0,
            "model": model,
            "choices": [{"index": 0, "message": message, "finish_reason": reasons[stop]}],
            "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
        }

    def error(self, message: str, kind: str = "api_error") -> Any:
        """Return an error in the protocol's envelope."""
        return {"error": {"message": message, "type": kind, "param": None, "code": kind}}

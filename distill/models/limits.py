"""What a provider allows a minute: the config's word, and the response headers'.

Anthropic sends `anthropic-ratelimit-{requests,input-tokens,output-tokens}-{limit,remaining}`,
OpenAI and those who follow it `x-ratelimit-{limit,remaining}-{requests,tokens}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Literal

from typing_extensions import TypedDict

from distill.component import Positive

Kind = Literal["requests", "input_tokens", "output_tokens"]
KINDS: tuple[Kind, ...] = ("requests", "input_tokens", "output_tokens")
# Header names by kind, (limit, remaining), the more exact ones first.
HEADERS: dict[Kind, tuple[tuple[str, str], ...]] = {
    "requests": (
        ("anthropic-ratelimit-requests-limit", "anthropic-ratelimit-requests-remaining"),
        ("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests"),
    ),
    "input_tokens": (
        ("anthropic-ratelimit-input-tokens-limit", "anthropic-ratelimit-input-tokens-remaining"),
        # OpenAI counts tokens of both ways in one allowance; most of them are read.
        ("x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens"),
    ),
    "output_tokens": (
        ("anthropic-ratelimit-output-tokens-limit", "anthropic-ratelimit-output-tokens-remaining"),
    ),
}


class Limits(TypedDict):
    """What is known of an endpoint's limits before it has said a word; `None` is to be learned."""

    requests_per_minute: Positive | None
    input_tokens_per_minute: Positive | None
    output_tokens_per_minute: Positive | None


@dataclass(frozen=True)
class Allowance:
    """What a response says of one limit.

    Args:
        limit: Requests or tokens a minute.
        remaining: What is left of them now.
    """

    limit: float
    remaining: float


def read_allowances(headers: Mapping[str, str]) -> dict[Kind, Allowance]:
    """Return what response headers say of the limits; what cannot be read is left out."""
    found: dict[Kind, Allowance] = {}
    for kind, names in HEADERS.items():
        for limit_name, remaining_name in names:
            limit, remaining = _number(headers, limit_name), _number(headers, remaining_name)
            if limit and remaining is not None:
                found[kind] = Allowance(limit, remaining)
                break
    return found


def read_retry_after(headers: Mapping[str, str], *, now_s: float) -> float | None:
    """Return the seconds that the provider asks to wait, or `None` where it does not say.

    Args:
        headers: Of a refusal: `retry-after-ms`, or `retry-after` in seconds or as an HTTP date.
        now_s: Seconds since the epoch.
    """
    milliseconds = _number(headers, "retry-after-ms")
    if milliseconds is not None:
        return milliseconds / 1000
    seconds = _number(headers, "retry-after")
    if seconds is not None:
        return seconds
    try:
        moment = parsedate_to_datetime(headers.get("retry-after", ""))
        return max(0.0, moment.timestamp() - now_s)
    except (ValueError, OverflowError):
        return None


def _number(headers: Mapping[str, str], name: str) -> float | None:
    text = headers.get(name)
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None

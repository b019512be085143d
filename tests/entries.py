"""Entries of a ledger, with the keys that belong to them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from distill.ledger import Entry, canonical_json, response_key


def body_of(prompt: str, **changes: Any) -> dict[str, Any]:
    """Return the body of a request as Claude gets it."""
    body = {
        "model": "claude-test-1",
        "max_tokens": 512,
        "system": "Be brief.",
        "messages": [{"role": "user", "content": prompt}],
    }
    return body | changes


def entry_of(prompt: str, *, sample: int = 0, answer: str = "So.", **changes: Any) -> Entry:
    """Return the entry of a request; `changes` are those of the body."""
    body = body_of(prompt, **changes)
    reply = {
        "model": body["model"],
        "content": [{"type": "text", "text": answer}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 10, "output_tokens": 20},
    }
    entry = Entry(
        key="",
        provider="anthropic",
        namespace="anthropic",
        model=body["model"],
        served_model=body["model"],
        sample=sample,
        request=canonical_json(body),
        body=canonical_json(reply),
        input_tokens=10,
        output_tokens=20,
        request_id="req_1",
        created_at="2026-01-01T00:00:00Z",
    )
    return keyed(entry)


def keyed(entry: Entry, **changes: Any) -> Entry:
    """Return an entry with changes, and the key that belongs to it."""
    changed = replace(entry, **changes)
    key = response_key(
        provider=changed.provider,
        namespace=changed.namespace,
        body=json.loads(changed.request),
        sample=changed.sample,
    )
    return replace(changed, key=key)

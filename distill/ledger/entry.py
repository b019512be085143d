"""One response, and the key by which it is found.

A key is the SHA-256 of the canonical JSON of everything that shaped the response: provider,
namespace, the body that reached the wire, and the sample index.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One response in the ledger; the fields are the table's columns.

    Args:
        key: SHA-256, 64 hex digits.
        provider: Provider's name.
        namespace: The endpoint's namespace, without a host.
        model: The id asked for.
        served_model: The id served.
        sample: Sample index, from 0.
        request: Canonical JSON of the body that was sent.
        body: Raw JSON of the response.
        input_tokens: Tokens of the request.
        output_tokens: Tokens of the response.
        request_id: The provider's request id, or "".
        created_at: UTC, ISO 8601, to the second.
    """

    key: str
    provider: str
    namespace: str
    model: str
    served_model: str
    sample: int
    request: str
    body: str
    input_tokens: int
    output_tokens: int
    request_id: str
    created_at: str


ENTRY_FIELDS = tuple(field.name for field in fields(Entry))
CELLS = attrgetter(*ENTRY_FIELDS)


def entry_digest(entry: Entry) -> str:
    """Return a digest of everything that an entry says, 16 hex digits: it finds a damaged one."""
    said = "\0".join(map(str, CELLS(entry)))
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def canonical_json(value: Any) -> str:
    """Return the one JSON text of `value`: sorted keys, no spaces, no NaN, UTF-8."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def storable_json(value: Any) -> str:
    """Return `canonical_json` of what came off a wire, as text that every database takes.

    Half a surrogate pair, which JSON allows and UTF-8 does not, becomes a question mark.

    Raises:
        ValueError: a number is not finite.
    """
    return canonical_json(value).encode("utf-8", "replace").decode()


def response_key(*, provider: str, namespace: str, body: Mapping[str, Any], sample: int) -> str:
    """Return the key of a response: SHA-256 over everything that shapes it, 64 hex digits."""
    identity = {
        "format": FORMAT,
        "provider": provider,
        "namespace": namespace,
        "body": body,
        "sample": sample,
    }
    return hashlib.sha256(canonical_json(identity).encode()).hexdigest()


def now_utc() -> str:
    """Return the time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

"""A model client that answers out of stored responses and has no way to a model.

What is missing or damaged becomes a failed request, so that the rebuild goes on and shows what
follows from it; each such gap is kept with the row that it belongs to. A request that failed in
the run itself fails again in the same words, and is no gap.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from rich.console import Console

from distill.errors import ModelError
from distill.ledger import Entry, Ledger, response_key
from distill.models.budget import Budget
from distill.models.client import ModelClient
from distill.models.protocol import Failure, Model, Outcome, Reply, Request, Send
from distill.progress import Progress
from distill.stages import augment, generate, judge

# Stands for every endpoint that a stored config names: only whether there was one shapes a key.
OFFLINE_URL = "http://offline.invalid"
STAGES = {"augment": augment.STAGE, "teacher": generate.STAGE, "judge": judge.STAGE}
KEY_COLUMNS = {"teacher": "request_key", "judge": "judge_key"}
# How a judge words a request that failed for good.
JUDGE_FAILED = "the request failed: "
ENTRIES_AT_ONCE = 500
# Finding a row by its question looks at all of them.
NAMED_GAPS = 20


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A stored response that cannot be used.

    Args:
        role: `augment`, `teacher` or `judge`.
        row: The row's id, or `None` where it cannot be told.
        why: What is wrong with it.
        used: Whether the run's table names this very response; one that it does not name may
            never have been asked for, because an earlier stage came out differently.
    """

    role: str
    row: str | None
    why: str
    used: bool

    @property
    def stage(self) -> str:
        """The stage that wanted it."""
        return STAGES.get(self.role, self.role)


class Offline:
    """A model that can say what it would be asked, and read what it said, and cannot be asked.

    Args:
        model: Whose words these are.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self.model = model.model
        self.concurrency = model.concurrency
        self.samples = model.samples
        self.max_tokens = model.max_tokens
        self.timeout_s = model.timeout_s
        self.max_retries = model.max_retries
        self.limits = model.limits

    @property
    def provider(self) -> str:
        """The provider's name."""
        return self._model.provider

    @property
    def namespace(self) -> str:
        """Whose answers these are."""
        return self._model.namespace

    @property
    def scores_labels(self) -> bool:
        """Whether the endpoint gives log-probabilities of labels."""
        return self._model.scores_labels

    def wire(self, request: Request) -> dict[str, Any]:
        """Return what would be sent."""
        return self._model.wire(request)

    def read(self, body: Mapping[str, Any]) -> Reply:
        """Read a stored response."""
        return self._model.read(body)

    def check_served(self, served_model: str) -> None:
        """Compare the id that was served with the id that was asked for."""
        self._model.check_served(served_model)

    @asynccontextmanager
    async def connect(self, name: str) -> AsyncIterator[Send]:
        """Refuse.

        Raises:
            ModelError: always.
        """
        raise ModelError(f"{name}: a rebuild asks no model.")
        yield  # makes this a generator


@dataclass
class KnownRows:
    """Which row a response belongs to, by what the run's own table says.

    Args:
        table: Columns `id` and `question`, and as many others of `distill.table` as there are.
    """

    table: pl.DataFrame
    _by_key: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    _failed: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Index the rows by the keys of their responses."""
        for row in self.table.iter_rows(named=True):
            keys = {role: row.get(column) for role, column in KEY_COLUMNS.items()}
            for role, key in (keys | {"augment": augment.key_of(row)}).items():
                if key:
                    self._by_key.setdefault((role, key), row)
                if failed_before(row, role) is not None:
                    self._failed.setdefault(role, []).append(row)

    def names_response(self, role: str, key: str) -> bool:
        """Say whether the table names a response as the one that a row was made from."""
        return (role, key) in self._by_key

    def failed(self, role: str, key: str, prompt: str) -> str | None:
        """Return in which words this request failed in the run itself, `None` if it did not."""
        row = self._by_key.get((role, key)) or _about(prompt, self._failed.get(role, []))
        return None if row is None else failed_before(row, role)

    def name(self, role: str, key: str, prompt: str) -> str | None:
        """Return the id of the row that a request belongs to, `None` if it cannot be told."""
        row = self._by_key.get((role, key)) or _about(prompt, self.table.iter_rows(named=True))
        return None if row is None else str(row["id"])


class ReplayClient(ModelClient):
    """Answers requests out of stored responses alone.

    Args:
        ledger: A private ledger, which is filled with what is used.
        rows: For the names of gaps.
        more: A further ledger that is asked for what is missing, or `None`.
    """

    def __init__(self, ledger: Ledger, rows: KnownRows, more: Ledger | None = None) -> None:
        super().__init__(ledger, Budget(None), Progress(Console(quiet=True)))
        self.gaps: dict[str, Gap] = {}
        self.failed_before: Counter[str] = Counter()
        self._rows = rows
        self._more = more
        self._known_failures: dict[str, Failure] = {}

    def ask(self, role: str, model: Model, requests: Sequence[Request]) -> Iterable[Outcome]:
        """Answer `requests`, in their order; what is not stored is a `Failure`."""
        keys = [key_of(model, request) for request in requests]
        entries = self._entries(keys)
        faults: dict[str, str | None] = {}
        for key, request in zip(keys, requests, strict=True):
            if key not in faults:
                faults[key] = fault_of(entries.get(key), model, request)
        sound = [
            request for key, request in zip(keys, requests, strict=True) if faults[key] is None
        ]
        replies = iter(super().ask(role, Offline(model), sound))
        return [
            next(replies) if why is None else self._failure(role, key, request, why)
            for key, request in zip(keys, requests, strict=True)
            for why in [faults[key]]
        ]

    def _entries(self, keys: Iterable[str]) -> dict[str, Entry]:
        wanted = dict.fromkeys(keys)
        found = {entry.key: entry for entry in self._ledger.get_many(wanted)}
        missing = [key for key in wanted if key not in found]
        if self._more is not None and missing:
            added = list(self._more.get_many(missing))
            put_all(self._ledger, added)
            found |= {entry.key: entry for entry in added}
        return found

    def _failure(self, role: str, key: str, request: Request, why: str) -> Failure:
        known = self._known_failures.get(key)
        if known is not None:
            return known
        told = self._rows.failed(role, key, request.prompt)
        if told is not None:
            self.failed_before[role] += 1
        else:
            named = len(self.gaps) < NAMED_GAPS
            row = self._rows.name(role, key, request.prompt) if named else None
            self.gaps[key] = Gap(
                role=role, row=row, why=why, used=self._rows.names_response(role, key)
            )
        failure = Failure(detail=told or why, key=key)
        self._known_failures[key] = failure
        return failure


def key_of(model: Model, request: Request) -> str:
    """Return the key under which the ledger keeps the response to `request`."""
    return response_key(
        provider=model.provider,
        namespace=model.namespace,
        body=model.wire(request),
        sample=request.sample,
    )


def put_all(ledger: Ledger, entries: Sequence[Entry]) -> None:
    """Store entries, as many at once as every database takes."""
    for start in range(0, len(entries), ENTRIES_AT_ONCE):
        ledger.put(entries[start : start + ENTRIES_AT_ONCE])


def fault_of(entry: Entry | None, model: Model, request: Request) -> str | None:
    """Say why a stored response cannot be used, `None` where it can."""
    if entry is None:
        return "its response is missing"
    try:
        reply = model.read(json.loads(entry.body))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return "its response is damaged: it cannot be read"
    try:
        model.check_served(reply.served_model)
    except ModelError:
        return f"its response is damaged: it is said to come from {reply.served_model!r}"
    scores = reply.label_logprobs
    if request.labels is None or scores is None:
        return None
    sound = isinstance(scores, dict) and all(
        isinstance(scores.get(label), int | float) for label in request.labels
    )
    return None if sound else "its response is damaged: the scores of labels cannot be read"


def failed_before(row: Mapping[str, Any], role: str) -> str | None:
    """Return in which words a row's request failed in the run itself, `None` if it did not."""
    if role != "judge":
        failed = row.get("stage") == STAGES[role] and row.get("reason") == "error"
        return (row.get("detail") or "") if failed else None
    said = row.get("judge_reason") or ""
    if row.get("score") is not None or not said.startswith(JUDGE_FAILED):
        return None
    return str(said).removeprefix(JUDGE_FAILED)


def _about(prompt: str, rows: Iterable[Mapping[str, Any]]) -> Any:
    """Return the row that a prompt most likely is about: its question stands there, or more."""

    def stands(text: Any) -> bool:
        if not text:
            return False
        return text in prompt or json.dumps(text, ensure_ascii=False)[1:-1] in prompt

    found = [row for row in rows if stands(row["question"])]
    # One question may be the beginning of another, and several samples share one.
    return max(
        found,
        key=lambda row: (len(row["question"]), stands(row.get("answer"))),
        default=None,
    )

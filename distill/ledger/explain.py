"""Why the ledger does not answer a run: its misses by cause, against the nearest stored request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from distill.ledger.address import without_password
from distill.ledger.asked import Questions, questions_of
from distill.ledger.batches import BatchBook
from distill.ledger.database import told
from distill.ledger.nearest import Stored, nearest
from distill.ledger.parts import Difference, Parts, differences, first_difference, parts_of
from distill.ledger.store import Ledger
from distill.looking import Asked
from distill.models.batch_api import BATCH
from distill.plan import Plan

NEW = "prompt: no stored request asks this"
SHOWN_CHARS = 60


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Misses that differ from their nearest stored requests in the same way.

    Args:
        role: `teacher` or `judge`.
        count: How many misses.
        differences: Of the example, field by field; empty where nothing in the ledger is near.
        prompt: What tells the example's prompt from those of the other misses, shortened.
        key: The key that the example would have.
        nearest: The nearest stored request's key, `None` where nothing is near.
        created_at: When that one was answered, UTC.
        is_first: Whether the ledger holds nothing that was asked of this role.
    """

    role: str
    count: int
    differences: tuple[Difference, ...]
    prompt: str
    key: str
    nearest: str | None
    created_at: str | None
    is_first: bool

    @property
    def told(self) -> tuple[str, ...]:
        """The cause in words, a field a line."""
        if self.is_first:
            return (f"no {self.role.replace('_', ' ')} response in the ledger yet",)
        return tuple(one.told for one in self.differences) or (NEW,)


@dataclass(frozen=True, kw_only=True)
class Explained:
    """What a run would find in a ledger.

    Args:
        where: The ledger.
        responses: How many it holds.
        questions: What the run would ask.
        fetched: Misses, by role, that batches under way will bring.
        asked_again: Those that are in such batches and would be sent and paid for once more all the
            same, because the run asks online.
        causes: Of the misses that are not fetched, the most frequent first.
    """

    where: str
    responses: int
    questions: Questions
    fetched: Mapping[str, int]
    asked_again: Mapping[str, int]
    causes: tuple[Cause, ...]


def explain(plan: Plan, ledger: Ledger) -> Explained:
    """Say which requests of a run the ledger answers, and in what the others differ.

    Args:
        plan: The run.
        ledger: Where it looks.

    Raises:
        DataError: the run's files have faults.
        LedgerError: the ledger cannot be read.
    """
    questions = questions_of(plan, ledger)
    with told(without_password(ledger.url)):
        expected = BatchBook(ledger.engine).expected(miss.key for miss in questions.misses)
    held = [miss for miss in questions.misses if miss.key in expected]
    fetched = {miss.key for miss in held if miss.mode == BATCH}
    responses = ledger.count()
    to_pay = [miss for miss in questions.misses if miss.key not in fetched]
    return Explained(
        where=without_password(ledger.url),
        responses=responses,
        questions=questions,
        fetched=Counter(miss.role for miss in held if miss.mode == BATCH),
        asked_again=Counter(miss.role for miss in held if miss.mode != BATCH),
        causes=_causes(ledger, to_pay, questions.known, responses),
    )


def _causes(
    ledger: Ledger, misses: Sequence[Asked], known: Mapping[str, set[str]], responses: int
) -> tuple[Cause, ...]:
    """Group misses by their causes.

    Args:
        ledger: Where they are not.
        misses: All of them.
        known: Keys that the ledger answers, by role; a judge's request, which quotes the answer, is
            not compared with the teacher's own.
        responses: How many the ledger holds.
    """
    if not misses:
        return ()
    roles = {miss.role for miss in misses}
    apart = {
        role: frozenset().union(*(keys for other, keys in known.items() if other != role))
        - known.get(role, set())
        for role in roles
    }
    first = {role for role in roles if len(apart[role]) == responses}
    parts = [parts_of(one.provider, one.namespace, one.sample, one.body) for one in misses]
    groups: dict[tuple[str, ...], list[int]] = {}
    found = nearest(ledger, parts, [apart[one.role] for one in misses])
    for i, stored in enumerate(found):
        told = [] if stored is None else differences(parts[i], stored.parts)
        groups.setdefault((misses[i].role, *(one.cause for one in told)), []).append(i)
    starts = {role: _where_prompts_part(misses, parts, role) for role, *_ in groups}
    causes = []
    for (role, *_), which in groups.items():
        at = which[0]
        shown = _excerpt(parts[at].prompt, starts[role])
        cause = _cause(misses[at], len(which), parts[at], shown, found[at])
        causes.append(replace(cause, is_first=role in first))
    return tuple(sorted(causes, key=lambda cause: -cause.count))


def _where_prompts_part(misses: Sequence[Asked], parts: Sequence[Parts], role: str) -> int:
    """Return where the prompts of a role part: what all begin with says nothing about one."""
    prompts = {one.prompt for one, miss in zip(parts, misses, strict=True) if miss.role == role}
    return first_difference(min(prompts), max(prompts)) if len(prompts) > 1 else 0


def _cause(miss: Asked, count: int, parts: Parts, prompt: str, stored: Stored | None) -> Cause:
    return Cause(
        role=miss.role,
        count=count,
        differences=() if stored is None else tuple(differences(parts, stored.parts)),
        prompt=prompt,
        key=miss.key,
        nearest=None if stored is None else stored.key,
        created_at=None if stored is None else stored.created_at,
        is_first=False,
    )


def _excerpt(prompt: str, start: int) -> str:
    """Return a prompt on one line from about `start` on, which lies within a word."""
    start = prompt.rfind(" ", 0, start) + 1
    line = "".join(sign if sign.isprintable() else " " for sign in prompt[start:])
    line = " ".join(line.split())
    cut = line if len(line) <= SHOWN_CHARS else f"{line[:SHOWN_CHARS]}…"
    return f"…{cut}" if start else cut

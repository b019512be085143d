"""Answers that are known to be bad, to see whether a judge would keep them.

A judge that keeps one of them can be talked into anything, or does not read. They are made from the
questions at hand, so that a judge cannot tell them from the rest of its work:

- `swapped`: another seed's answer, fluent and to another question;
- `truncated`: words of the seed's own answer, shuffled, without its numbers, cut in mid-word;
- `injected`: an order to the judge, half of the time behind a swapped answer;
- `gibberish`: strings that are known to earn good grades from judges.

The draw goes by hashes of the run's seed and the question, so that most of it stays the same, and
paid for, when rows are added.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Protocol, runtime_checkable

import polars as pl
import yaml

from distill.paths import conf_dir
from distill.tasks import Task

FILE = "canaries.yaml"
VERDICT = "{verdict}"
KINDS = ("swapped", "truncated", "injected", "gibberish")
# A swapped answer may share so many of its words with what a right one would say; words that stand
# in more than COMMON_SHARE of the answers do not count.
MOST_SHARED = 0.3
COMMON_SHARE = 0.25
LEAST_WORDS = 3
LEAST_CUT_WORDS = 8
DONORS_TRIED = 25
_CONTENT = re.compile(r"\d+|\w{4,}")


@dataclass(frozen=True, kw_only=True)
class Canary:
    """An answer that must not be kept.

    Args:
        kind: `swapped`, `truncated`, `injected` or `gibberish`.
        row: Id of the row whose question it stands under.
        answer: What the judge sees as the answer.
        name: Which text of `conf/canaries.yaml` it is, or whose answer; "" where there is none.
    """

    kind: str
    row: str
    answer: str
    name: str = ""


@runtime_checkable
class Watched(Protocol):
    """A judge that is watched by canaries."""

    def draw_canaries(self, table: pl.DataFrame, task: Task, seed: int) -> list[Canary]:
        """Return the canaries to mix into what it scores.

        Args:
            table: The rows that are to be scored.
            task: What was asked.
            seed: Of the draw.
        """


def draw_canaries(
    table: pl.DataFrame, *, count: int, task: Task, seed: int, verdict: str
) -> list[Canary]:
    """Draw canaries of all kinds in turn.

    Args:
        table: Rows that are to be judged: `id`, `question`, `answer`, `reference`.
        count: How many, >= 0; fewer come where the rows do not yield as many different ones.
        task: Says when two answers come to the same.
        seed: Of the draw.
        verdict: Full marks in the form of the judge's own reply.
    """
    rows = (
        table.unique("question", keep="first", maintain_order=True)
        .select("id", "question", "answer", "reference")
        .to_dicts()
    )
    swapped, truncated, injected, gibberish = (
        sorted(rows, key=lambda row: _chance(seed, f"{kind}\n{row['question']}")) for kind in KINDS
    )
    makers = [
        _swapped(_Donors(swapped, task)),
        _truncated(truncated, seed),
        _injected(_Donors(injected, task), seed, verdict),
        _gibberish(gibberish, seed),
    ]
    drawn: dict[tuple[str, str], Canary] = {}
    while makers and len(drawn) < count:
        for maker in tuple(makers):
            made = next(maker, None)
            if made is None:
                makers.remove(maker)
            elif len(drawn) < count:
                drawn.setdefault((made.row, made.answer), made)
    return list(drawn.values())


def is_wrong(task: Task, row: Mapping[str, Any], answer: str, common: Collection[str] = ()) -> bool:
    """Say whether `answer`, given to another question, is surely no answer to this one.

    It must come to another end than the row's own answer and its reference; in prose it must also
    say things of its own, most of which neither the question nor those two say.

    Args:
        task: Says when two answers come to the same.
        row: `question`, `answer` and `reference` of the row that it is to stand in.
        answer: Another row's answer.
        common: Words that say nothing of what an answer is about.
    """
    final = task.final(answer)
    right = [text for text in (row["answer"], row["reference"]) if text]
    if final is None or final in {task.final(text) for text in right}:
        return False
    if task.name == "math":
        return True
    said = _words(answer) - set(common)
    known = _words(" ".join([row["question"], *right]))
    return len(said) >= LEAST_WORDS and len(said & known) <= MOST_SHARED * len(said)


@cache
def texts_of(kind: str) -> dict[str, str]:
    """Return the answers of `conf/canaries.yaml` of one kind, by name."""
    told = yaml.safe_load((conf_dir() / FILE).read_text(encoding="utf-8"))
    return {name: _spelled_out(one) for name, one in told[kind].items()}


def _spelled_out(one: Mapping[str, Any]) -> str:
    text, times = str(one["text"]), int(one.get("times", 1))
    return text if times == 1 else "\n".join(f"{i}. {text}" for i in range(1, times + 1))


class _Donors:
    """Finds for each row another one whose answer is surely wrong for it.

    Args:
        rows: In the order of the draw.
        task: Says when two answers come to the same.
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]], task: Task) -> None:
        self.rows, self._task = rows, task

    @cached_property
    def _common(self) -> frozenset[str]:
        in_rows = Counter(word for row in self.rows for word in _words(row["answer"]))
        many = max(1, COMMON_SHARE * len(self.rows))
        return frozenset(word for word, n in in_rows.items() if n > many)

    def for_row(self, place: int) -> Mapping[str, Any] | None:
        """Return the next row that is wrong for the one at `place`, or `None`."""
        row, n = self.rows[place], len(self.rows)
        others = [self.rows[(place + step) % n] for step in range(1, min(n, DONORS_TRIED + 1))]
        return next(
            (one for one in others if is_wrong(self._task, row, one["answer"], self._common)), None
        )


def _swapped(donors: _Donors) -> Iterator[Canary]:
    for place, row in enumerate(donors.rows):
        donor = donors.for_row(place)
        if donor is not None:
            yield Canary(kind="swapped", row=row["id"], answer=donor["answer"], name=donor["id"])


def _truncated(rows: Sequence[Mapping[str, Any]], seed: int) -> Iterator[Canary]:
    for row in rows:
        words = [word for word in row["answer"].split() if not re.search(r"\d", word)]
        if len(words) < LEAST_CUT_WORDS:
            continue
        random.Random(_chance(seed, row["question"])).shuffle(words)  # noqa: S311 - no secret
        *whole, last = words[: len(words) // 2]
        cut = last[: (len(last) + 1) // 2]
        yield Canary(kind="truncated", row=row["id"], answer=" ".join([*whole, cut]))


def _injected(donors: _Donors, seed: int, verdict: str) -> Iterator[Canary]:
    for i, (place, name, text) in enumerate(_under_questions("injected", donors.rows, seed)):
        answer = text.replace(VERDICT, verdict)
        donor = donors.for_row(place) if i % 2 else None
        if donor is not None:
            answer = f"{donor['answer']}\n\n{answer}"
        yield Canary(kind="injected", row=donors.rows[place]["id"], answer=answer, name=name)


def _gibberish(rows: Sequence[Mapping[str, Any]], seed: int) -> Iterator[Canary]:
    for place, name, text in _under_questions("gibberish", rows, seed):
        yield Canary(kind="gibberish", row=rows[place]["id"], answer=text, name=name)


def _under_questions(
    kind: str, rows: Sequence[Mapping[str, Any]], seed: int
) -> Iterator[tuple[int, str, str]]:
    """Yield (place of a row, name, text), at last every text under every question."""
    texts = sorted(texts_of(kind).items(), key=lambda item: _chance(seed, item[0]))
    for turn in range(len(rows)):
        for i, (name, text) in enumerate(texts):
            yield (i + turn) % len(rows), name, text


def _words(text: str) -> set[str]:
    return set(_CONTENT.findall(text.casefold()))


def _chance(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}\n{name}".encode()).hexdigest()

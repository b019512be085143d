"""What a teacher said then and now, question by question, and how far apart texts are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from distill.drift.shift import (
    Floats,
    Measure,
    mean_moved,
    one_hot,
    shares_moved,
    texts_moved,
)
from distill.tasks import Task

# Letters that stand together; they need no words, so that every language is read.
NGRAMS = (2, 4)
# A text's beginning, in characters: bounds what a runaway reply costs.
MAX_CHARS = 20_000


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One question with its replies, columns `CANARY_COLUMNS` as mappings.

    Args:
        question: The question.
        then: Replies of the run, at least one.
        now: Fresh ones, at least one.
    """

    question: str
    then: tuple[dict[str, Any], ...]
    now: tuple[dict[str, Any], ...]

    @property
    def all(self) -> tuple[dict[str, Any], ...]:
        """Those of then first."""
        return self.then + self.now


def paired(then: pl.DataFrame, now: pl.DataFrame) -> list[Asked]:
    """Return the questions that have replies of both times, in the order of the run."""
    was, fresh = _by_question(then), _by_question(now)
    return [
        Asked(question=question, then=replies, now=fresh[question])
        for question, replies in was.items()
        if question in fresh
    ]


def _by_question(replies: pl.DataFrame) -> dict[str, tuple[dict[str, Any], ...]]:
    parts = replies.partition_by("question", as_dict=True, maintain_order=True)
    return {str(key[0]): tuple(part.to_dicts()) for key, part in parts.items()}


def measures_of(asked: Sequence[Asked], task: Task) -> list[Measure]:
    """Return what can move in the replies of a task; see `shift.py`."""
    replies = [reply for one in asked for reply in one.all]
    stops = sorted({str(reply["stop_reason"]) for reply in replies})
    measures = [
        Measure(
            name="stops",
            moved=[
                mean_moved(one_hot([str(r["stop_reason"]) for r in one.all], stops))
                for one in asked
            ],
            signed=True,
        )
    ]
    labels = getattr(task, "labels", None)
    if labels is not None and any(reply["label_probs"] is not None for reply in replies):
        moved = [shares_moved(_label_shares(one, len(labels))) for one in asked]
        return [Measure(name="answers", moved=moved), *measures]
    distances = text_distances([[r["text"][:MAX_CHARS] for r in one.all] for one in asked])
    found = [Measure(name="answers", moved=[texts_moved(d) for d in distances])]
    if task.name == "math":
        finals = [[final_of(task, r) for r in one.all] for one in asked]
        known = [sorted(set(own), key=str) for own in finals]
        moved = [shares_moved(one_hot(*pair)) for pair in zip(finals, known, strict=True)]
        found.append(Measure(name="numbers", moved=moved))
    lengths = [np.array([math.log1p(len(r["text"])) for r in one.all]) for one in asked]
    length = Measure(name="length", moved=[mean_moved(own) for own in lengths], signed=True)
    return [*found, *measures, length]


def final_of(task: Task, reply: dict[str, Any]) -> str | None:
    """Return the final answer of a reply as its task reads it, or `None`."""
    return None if reply["answer"] is None else task.final(reply["answer"])


def text_distances(texts: Sequence[Sequence[str]]) -> list[Floats]:
    """Return how far apart the texts of each question are.

    The distance is 1 less the cosine of TF-IDF vectors of character n-grams, whose weights come
    from all texts together: what every answer says counts little.

    Args:
        texts: By question.

    Returns:
        By question (texts, texts), in [0, 1]; 0 for texts that are equal.
    """
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

    hashed = HashingVectorizer(
        analyzer="char_wb", ngram_range=NGRAMS, alternate_sign=False, norm=None, n_features=2**20
    )
    whole = [text for own in texts for text in own]
    vectors = TfidfTransformer(sublinear_tf=True).fit_transform(hashed.transform(whole))
    made = []
    start = 0
    for own in texts:
        part = vectors[start : start + len(own)]
        start += len(own)
        near = np.clip((part @ part.T).toarray(), 0, 1)
        same = np.array([[a == b for b in own] for a in own])
        made.append(np.where(same, 0.0, 1.0 - near))
    return made


def _label_shares(one: Asked, labels: int) -> Floats:
    """Return (replies, labels + 1); the last is a reply that names no label."""
    shares = np.zeros((len(one.all), labels + 1))
    for row, reply in zip(shares, one.all, strict=True):
        if reply["label_probs"] is None:
            row[-1] = 1
        else:
            row[:-1] = reply["label_probs"]
    return shares

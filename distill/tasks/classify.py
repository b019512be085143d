"""Labels for texts: a distribution over the labels, calibrated over the pool."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, Strict
from typing_extensions import TypedDict

from distill.component import Positive, component
from distill.models.protocol import Model, Reply, Request
from distill.table import GENERATED_COLUMNS, fill, to_ask
from distill.tasks.reading import Answer, Template, filled, stopped

Probs = NDArray[np.float64]


def _labels(labels: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(labels)) != len(labels) or not all(label.strip() for label in labels):
        raise ValueError("want labels that differ and are not empty")
    return labels


Labels = Annotated[
    tuple[str, ...],
    Strict(False),
    Field(min_length=2, description="a list of two or more labels"),
    AfterValidator(_labels),
]


class Shot(TypedDict):
    """One example in the teacher's prompt: a text and its label."""

    question: str
    label: str


@component
class Classify:
    """Give each text a distribution over labels.

    An endpoint with log-probabilities scores the labels themselves; any other votes: as many
    requests as `samples`, each bound to name one label.

    Args:
        labels: The labels, in the order of `label_probs`.
        system: System prompt of the teacher, or `None`.
        prompt: User turn with `{question}`.
        reply: How the teacher words a label, with `{label}`.
        shots: Examples before the question, written for the prompt, never held-out items.
        max_words: Words of a text that the teacher reads, from its start; `None` reads all.
        calibration: `batch` divides out what the teacher gives each label on average over the
            pool, which assumes that the labels are roughly equally frequent there; `none` does not.

    Source:
        Batch calibration: Zhou et al. 2023, arXiv 2309.17249.
    """

    labels: Labels
    system: str | None
    prompt: Template
    reply: Annotated[str, Field(pattern=r"\{label\}", description="a text with {label}")]
    shots: Annotated[tuple[Shot, ...], Strict(False)]
    max_words: Positive | None
    calibration: Literal["batch", "none"]

    def __post_init__(self) -> None:
        """Check that every example bears one of the labels.

        Raises:
            ValueError: one does not.
        """
        strays = sorted({shot["label"] for shot in self.shots} - set(self.labels))
        if strays:
            raise ValueError(f"shots: the labels {strays} are not among task.labels")

    @property
    def name(self) -> str:
        """The task's name."""
        return "classify"

    @property
    def varied(self) -> str:
        """Labels do not vary; the texts they are learnt from do."""
        return "question"

    def rows_per_seed(self, model: Model) -> int:
        """One row a seed: its distribution."""
        del model
        return 1

    def requests(self, question: str, *, sample: int, model: Model) -> list[Request]:
        """One request that scores the labels, or one request a vote."""
        del sample
        prompt = filled(self.prompt, self._cut(question))
        shots = [
            (filled(self.prompt, self._cut(shot["question"])), shot["label"]) for shot in self.shots
        ]
        if model.scores_labels:
            worded = tuple((user, self._worded(label)) for user, label in shots)
            labels = tuple(self._worded(label) for label in self.labels)
            return [Request(prompt=prompt, system=self.system, shots=worded, labels=labels)]
        schema = {
            "type": "object",
            "properties": {"label": {"type": "string", "enum": list(self.labels)}},
            "required": ["label"],
            "additionalProperties": False,
        }
        named = tuple((user, json.dumps({"label": label})) for user, label in shots)
        return [
            Request(prompt=prompt, system=self.system, shots=named, schema=schema, sample=vote)
            for vote in range(model.samples)
        ]

    def read(self, replies: Sequence[Reply]) -> Answer:
        """Read the scores, or count the votes; a reply that names no label is no vote."""
        scores = replies[0].label_logprobs
        if scores is not None:
            logs = np.array([scores[self._worded(label)] for label in self.labels])
            return self._answer(np.exp(logs - logs.max()))
        votes = Counter(self._vote(reply) for reply in replies)
        counts = np.array([votes[label] for label in self.labels], dtype=np.float64)
        if not counts.any():
            return stopped(replies) or Answer(
                answer=replies[0].text, reason="no_label", detail="no reply names a label"
            )
        return self._answer(counts)

    def finish(self, table: pl.DataFrame) -> pl.DataFrame:
        """Calibrate `label_probs` over the pool; `raw_label_probs` keeps what the teacher said."""
        pool = table.filter(to_ask() & pl.col("label_probs").is_not_null())
        if pool.is_empty():
            return table
        raw = np.array(pool["label_probs"].to_list())
        calibrated = self.calibrated(raw, pool=raw)
        cells = (
            {"id": row, "answer": label, "label_probs": probs, "raw_label_probs": said}
            for row, label, probs, said in zip(
                pool["id"],
                self.labels_of(calibrated),
                calibrated.tolist(),
                raw.tolist(),
                strict=True,
            )
        )
        names = ("answer", "label_probs", "raw_label_probs")
        return fill(table, cells, {name: GENERATED_COLUMNS[name] for name in names})

    def calibrated(self, probs: Probs, *, pool: Probs) -> Probs:
        """Divide the pool's mean (in logs) out of `probs`.

        Args:
            probs: (rows, labels), each row sums to 1.
            pool: (pool rows, labels), the teacher's distributions over unlabelled texts.

        Returns:
            (rows, labels), each row sums to 1.
        """
        if self.calibration == "none":
            return probs
        tiny = np.finfo(np.float64).tiny
        centred = np.log(np.maximum(probs, tiny)) - np.log(np.maximum(pool, tiny)).mean(axis=0)
        weights = np.exp(centred - centred.max(axis=1, keepdims=True))
        normalised: Probs = weights / weights.sum(axis=1, keepdims=True)
        return normalised

    def labels_of(self, probs: Probs) -> list[str]:
        """Return the likeliest label of each row of (rows, labels); the first where they tie."""
        return [self.labels[i] for i in probs.argmax(axis=1)]

    def final(self, answer: str) -> str | None:
        """Two answers are the same when they name the same label."""
        return answer.strip() or None

    def _cut(self, text: str) -> str:
        words = text.split()
        if self.max_words is None or len(words) <= self.max_words:
            return text.strip()
        return " ".join(words[: self.max_words])

    def _worded(self, label: str) -> str:
        return self.reply.replace("{label}", label)

    def _vote(self, reply: Reply) -> str | None:
        try:
            named = json.loads(reply.text)["label"]
        except (ValueError, KeyError, TypeError):
            return None
        return named if named in self.labels else None

    def _answer(self, weights: Probs) -> Answer:
        probs = weights / weights.sum()
        return Answer(
            answer=self.labels[int(probs.argmax())], label_probs=tuple(float(p) for p in probs)
        )

"""Labels for texts: a distribution over the labels, calibrated over the pool."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, Strict
from typing_extensions import TypedDict

from distill.component import Positive, Share, component
from distill.models.protocol import Model, Reply, Request
from distill.models.structured import read_object
from distill.table import GENERATED_COLUMNS, fill, to_ask
from distill.tasks.first_token import LETTERS, clashes, lettered, likeliest, spread
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

    An endpoint with log-probabilities scores the labels themselves, or their letters; any other
    votes: as many requests as `samples`, each bound to name one label.

    Args:
        labels: The labels, in the order of `label_probs`.
        system: System prompt of the teacher, or `None`.
        prompt: User turn with `{question}`.
        reply: How the teacher words a label, with `{label}`.
        letters: Where labels are scored, list them as A, B, C … and score the letters: for labels
            that begin alike, at most 26.
        options: What is added to the prompt for that, with `{options}`.
        min_covered: Where labels are told by the first token of a reply, the share of its
            probability that must lie on labels, in [0, 1]; 0 keeps every row.
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
    letters: bool
    options: Annotated[str, Field(pattern=r"\{options\}", description="a text with {options}")]
    min_covered: Share
    shots: Annotated[
        tuple[Shot, ...], Strict(False), Field(description="a list of texts with their labels")
    ]
    max_words: Positive | None
    calibration: Literal["batch", "none"]

    def __post_init__(self) -> None:
        """Check that every example bears one of the labels, and that letters suffice.

        Raises:
            ValueError: one does not, or they do not.
        """
        if self.letters and len(self.labels) > len(LETTERS):
            raise ValueError(f"letters: want at most {len(LETTERS)} labels for that")
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
            names = self.names
            written = dict(zip(self.labels, names, strict=True))
            worded = tuple((self._with_options(user), written[label]) for user, label in shots)
            prompt = self._with_options(prompt)
            return [Request(prompt=prompt, system=self.system, shots=worded, labels=names)]
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
        scores, tokens = replies[0].label_logprobs, replies[0].first_token
        if scores is not None:
            logs = np.array([scores[name] for name in self.names])
            return self._answer(np.exp(logs - logs.max()))
        if tokens is not None:
            return self._read_first_token(tokens, replies)
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

    @property
    def names(self) -> tuple[str, ...]:
        """What stands for each label where labels are scored: its letter, or its words."""
        if self.letters:
            return tuple(LETTERS[: len(self.labels)])
        return tuple(self._worded(label) for label in self.labels)

    def begin_alike(self) -> list[str]:
        """Return the labels that the first token of a reply cannot tell apart."""
        alike = set(clashes(self.names))
        return [label for label, name in zip(self.labels, self.names, strict=True) if name in alike]

    def _read_first_token(self, tokens: Mapping[str, float], replies: Sequence[Reply]) -> Answer:
        if not tokens:
            return Answer(
                answer=replies[0].text or None,
                reason="no_logprobs",
                detail="the endpoint gave no log-probabilities; teacher.label_logprobs=none votes",
            )
        found = spread(tokens, self.names)
        if found.covered < self.min_covered or found.covered == 0:
            return Answer(
                answer=replies[0].text or None,
                reason="labels_uncovered",
                detail=f"labels hold {found.covered:.2f} of the first token's probability, want "
                f"{self.min_covered:g} or more; likeliest: {likeliest(tokens)}",
            )
        return self._answer(np.array(found.probs))

    def _with_options(self, prompt: str) -> str:
        if not self.letters:
            return prompt
        return f"{prompt}\n\n{self.options.replace('{options}', lettered(self.labels))}"

    def _cut(self, text: str) -> str:
        words = text.split()
        if self.max_words is None or len(words) <= self.max_words:
            return text.strip()
        return " ".join(words[: self.max_words])

    def _worded(self, label: str) -> str:
        return self.reply.replace("{label}", label)

    def _vote(self, reply: Reply) -> str | None:
        try:
            named = read_object(reply.text)["label"]
        except (ValueError, KeyError):
            return None
        return named if isinstance(named, str) and named in self.labels else None

    def _answer(self, weights: Probs) -> Answer:
        probs = weights / weights.sum()
        return Answer(
            answer=self.labels[int(probs.argmax())], label_probs=tuple(float(p) for p in probs)
        )

"""Another model scores by rubric: integers by dimension, weighted here and not by the model.

The model gives its reason first and then one integer a dimension, bound by a JSON schema. Weights,
the accuracy floor and the threshold are applied in code to the raw scores, so that changing any of
them never costs a call. The answer is handed over as data, a JSON string between delimiters that
it cannot foresee.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

import polars as pl
from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from distill.component import Positive, Share, Text, component
from distill.judges.verdict import Verdict
from distill.models.batch_api import Mode
from distill.models.client import ModelClient
from distill.models.protocol import Failure, Model, Outcome, Request
from distill.models.settings import BaseUrl
from distill.models.structured import read_object
from distill.tasks import Task

LOWEST, HIGHEST = 1, 5
WEIGHTS_SUM_TO = 1.0
TOLERANCE = 1e-6
REASON = "reason"


class Dimension(TypedDict):
    """One dimension of a rubric: its weight in the score, and what the judge is asked."""

    weight: Share
    question: Text


def _weights(dimensions: dict[str, Dimension]) -> dict[str, Dimension]:
    total = sum(dimension["weight"] for dimension in dimensions.values())
    if abs(total - WEIGHTS_SUM_TO) > TOLERANCE:
        raise ValueError(f"want weights that sum to 1, not {total:g}")
    if REASON in dimensions:
        raise ValueError(f"want names other than {REASON!r}, which holds the judge's words")
    return dimensions


Dimensions = Annotated[
    dict[str, Dimension],
    Field(min_length=1, description="dimensions with a weight and a question each"),
    AfterValidator(_weights),
]
Grade = Annotated[
    int,
    Field(ge=LOWEST, le=HIGHEST, description=f"a whole number from {LOWEST} to {HIGHEST}"),
]


@component
class Rubric:
    """Ask a model to grade each answer by dimension, 1 to 5.

    The score is the weighted mean of `(grade - 1) / 4`, in [0, 1]; an answer whose grade in a
    floor's dimension lies below the floor scores 0.

    Args:
        threshold: Rows that score below fall out, in [0, 1].
        model: The judge's exact model id; handed to `via`.
        base_url: The judge's endpoint; handed to `via`.
        concurrency: Requests in flight at once; handed to `via`.
        mode: `online`, or `batch` where the provider has batches; handed to `via`. `None` leaves it
            to the choice of provider.
        via: The provider that is asked. More than one of its `samples` are averaged.
        system: System prompt.
        prompt: User turn with `{dimensions}` and `{material}`.
        dimensions: What is graded, with weights that sum to 1.
        floors: Lowest grade by dimension that an answer may have without scoring 0.
    """

    threshold: Share
    model: Text
    base_url: BaseUrl | None
    concurrency: Positive
    mode: Mode | None
    via: Model
    system: Text
    prompt: Text
    dimensions: Dimensions
    floors: dict[str, Grade]

    def __post_init__(self) -> None:
        """Check what the fields alone cannot say.

        Raises:
            ValueError: a placeholder is missing, or a floor names no dimension.
        """
        for placeholder in ("{dimensions}", "{material}"):
            if placeholder not in self.prompt:
                raise ValueError("prompt: want a text that contains {dimensions} and {material}")
        strays = sorted(set(self.floors) - set(self.dimensions))
        if strays:
            raise ValueError(f"floors: want names of judge.dimensions, not {strays}")

    @property
    def endpoint(self) -> Model | None:
        """The model that is asked."""
        return self.via

    def score(self, table: pl.DataFrame, task: Task, client: ModelClient) -> list[Verdict]:
        """Return one verdict a row; a reply that cannot be read is asked for once more."""
        del task
        requests = [
            self.request(question, answer, reference)
            for question, answer, reference in table.select(
                "question", "answer", "reference"
            ).iter_rows()
        ]
        votes = [self._ask(requests, client, vote) for vote in range(self.via.samples)]
        return [_mean(row) for row in zip(*votes, strict=True)] if requests else []

    def request(self, question: str, answer: str, reference: str | None) -> Request:
        """Return what the judge is asked about one answer."""
        fence = hashlib.sha256(f"{question}\0{answer}".encode()).hexdigest()[:16]
        material = {"question": question, "answer": answer}
        if reference is not None:
            material["reference"] = reference
        asked = "\n".join(
            f"- {name}: {dimension['question']}" for name, dimension in self.dimensions.items()
        )
        data = json.dumps(material, ensure_ascii=False)
        prompt = self.prompt.replace("{dimensions}", asked).replace(
            "{material}", f"<data-{fence}>\n{data}\n</data-{fence}>"
        )
        return Request(prompt=prompt, system=self.system, schema=self.schema())

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of a reply: the reason first, then one grade a dimension."""
        grade = {"type": "integer", "enum": list(range(LOWEST, HIGHEST + 1))}
        properties = {REASON: {"type": "string"}} | dict.fromkeys(self.dimensions, grade)
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }

    def weigh(self, grades: Mapping[str, int]) -> float:
        """Return the score of one set of grades, in [0, 1]."""
        if any(grades[name] < floor for name, floor in self.floors.items()):
            return 0.0
        span = HIGHEST - LOWEST
        score = sum(
            dimension["weight"] * (grades[name] - LOWEST) / span
            for name, dimension in self.dimensions.items()
        )
        return round(min(score, 1.0), 9)  # so that .4 + .3 + .3 is 1 and meets a threshold of 1

    def _ask(self, requests: Sequence[Request], client: ModelClient, vote: int) -> list[Verdict]:
        """Ask everything once, and what could not be read once more."""
        first = 2 * vote
        asked = [replace(request, sample=first) for request in requests]
        verdicts = [self._read(out) for out in client.ask("judge", self.via, asked)]
        unread = [i for i, verdict in enumerate(verdicts) if verdict.score is None and verdict.key]
        again = [replace(requests[i], sample=first + 1) for i in unread]
        if again:
            for i, out in zip(unread, client.ask("judge", self.via, again), strict=True):
                verdicts[i] = self._read(out)
        return verdicts

    def _read(self, outcome: Outcome) -> Verdict:
        if isinstance(outcome, Failure):
            return Verdict(score=None, reason=f"the request failed: {outcome.detail}")
        try:
            reply = read_object(outcome.text)
            grades = {name: _grade(reply[name]) for name in self.dimensions}
            reason = str(reply.get(REASON, ""))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            why = f"the reply cannot be read ({outcome.stop_reason}): {type(error).__name__}"
            return Verdict(score=None, reason=why, key=outcome.key)
        return Verdict(score=self.weigh(grades), reason=reason, raw=grades, key=outcome.key)


def _grade(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not LOWEST <= value <= HIGHEST:
        raise ValueError("no grade")
    return value


def _mean(votes: Sequence[Verdict]) -> Verdict:
    """Average the votes that could be read; none of them makes the row unscored."""
    read = [vote for vote in votes if vote.score is not None]
    if len(votes) == 1 or not read:
        return votes[0]
    raw: dict[str, float] = {
        name: sum((vote.raw or {})[name] for vote in read) / len(read) for name in read[0].raw or {}
    }
    score = sum(vote.score or 0.0 for vote in read) / len(read)
    return replace(read[0], score=score, raw=raw)

"""Another model scores by rubric: integers by dimension, weighted here and not by the model.

The model gives its reason first and then one integer a dimension, bound by a JSON schema. Weights,
the accuracy floor and the threshold are applied in code to the raw scores, so that changing any of
them never costs a call. The answer is handed over as data, a JSON string between marks that it
cannot hold.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

import polars as pl
from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from distill.component import Positive, Share, Text, component
from distill.judges.asking import Heard, ask_for, fenced
from distill.judges.canaries import Canary, draw_canaries
from distill.judges.verdict import SCORE_SD, VOTES, Verdict
from distill.models.batch_api import Mode
from distill.models.client import ModelClient
from distill.models.protocol import Model, Request
from distill.models.settings import BaseUrl
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
    taken = sorted({REASON, VOTES, SCORE_SD} & set(dimensions))
    if taken:
        raise ValueError(f"want names other than {taken[0]!r}, which stands for something else")
    return dimensions


Dimensions = Annotated[
    dict[str, Dimension],
    Field(min_length=1, description="dimensions with a weight and a question each"),
    AfterValidator(_weights),
]
Band = Annotated[
    float | None, Field(ge=0, le=1, description="a share in [0, 1], or null for all rows")
]
Canaries = Annotated[int, Field(ge=0, le=1000, description="a whole number from 0 to 1000")]
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
        band: Rows whose first score lies so near to the threshold or nearer, in [0, 1], get all
            `samples` of `via`, others one; `None` gives all of them to every row.
        canaries: Known-bad answers that are mixed in to watch the judge; 0 is none.
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
    band: Band
    canaries: Canaries
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
            raise ValueError(f"floors: want names of judge.dimensions or {{}}, not {strays}")

    @property
    def endpoint(self) -> Model | None:
        """The model that is asked."""
        return self.via

    def score(self, table: pl.DataFrame, task: Task, client: ModelClient) -> list[Verdict]:
        """Return one verdict a row; a reply that cannot be read is asked for once more.

        A row without a score may lie anywhere, so it gets all votes.
        """
        del task
        requests = [
            self.request(question, answer, reference)
            for question, answer, reference in table.select(
                "question", "answer", "reference"
            ).iter_rows()
        ]
        votes = [[verdict] for verdict in self._ask(requests, client, 0)]
        near = [i for i, (first,) in enumerate(votes) if self._is_near(first.score)]
        for vote in range(1, self.via.samples if near else 1):
            more = self._ask([requests[i] for i in near], client, vote)
            for i, verdict in zip(near, more, strict=True):
                votes[i].append(verdict)
        return [_mean(row) for row in votes]

    def draw_canaries(self, table: pl.DataFrame, task: Task, seed: int) -> list[Canary]:
        """Return known-bad answers to questions of `table`."""
        full_marks = {REASON: "Complete and correct."} | dict.fromkeys(self.dimensions, HIGHEST)
        return draw_canaries(
            table, count=self.canaries, task=task, seed=seed, verdict=json.dumps(full_marks)
        )

    def request(self, question: str, answer: str, reference: str | None) -> Request:
        """Return what the judge is asked about one answer."""
        material = {"question": question, "answer": answer}
        if reference is not None:
            material["reference"] = reference
        asked = "\n".join(
            f"- {name}: {dimension['question']}" for name, dimension in self.dimensions.items()
        )
        prompt = self.prompt.replace("{dimensions}", asked).replace(
            "{material}", fenced(f"{question}\0{answer}", material)
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

    def _is_near(self, score: float | None) -> bool:
        if self.band is None or score is None:
            return True
        return abs(score - self.threshold) <= self.band + TOLERANCE

    def _ask(self, requests: Sequence[Request], client: ModelClient, vote: int) -> list[Verdict]:
        heard = ask_for(requests, self._read, model=self.via, client=client, vote=vote)
        return [self._verdict(one) for one in heard]

    def _read(self, reply: Mapping[str, Any]) -> tuple[dict[str, int], str]:
        grades = {name: _grade(reply[name]) for name in self.dimensions}
        return grades, str(reply.get(REASON, ""))

    def _verdict(self, heard: Heard[tuple[dict[str, int], str]]) -> Verdict:
        if heard.value is None:
            return Verdict(score=None, reason=heard.why, key=heard.key)
        grades, reason = heard.value
        return Verdict(score=self.weigh(grades), reason=reason, raw=grades, key=heard.key)


def _grade(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not LOWEST <= value <= HIGHEST:
        raise ValueError("no grade")
    return value


def _mean(votes: Sequence[Verdict]) -> Verdict:
    """Average the votes that could be read; none of them makes the row unscored."""
    read = [vote for vote in votes if vote.score is not None]
    if len(votes) == 1 or not read:
        return votes[0]
    every = tuple(vote.raw or {} for vote in read)
    raw = {name: statistics.fmean(one[name] for one in every) for name in every[0]}
    scores = [vote.score or 0.0 for vote in read]
    spread = statistics.stdev(scores) if len(scores) > 1 else None
    # The mean of three 0.7 is a little less than 0.7, and falls below it.
    score = round(statistics.fmean(scores), 9)
    return replace(read[0], score=score, raw=raw, votes=every, score_sd=spread)

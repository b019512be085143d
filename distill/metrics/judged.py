"""Whether a model finds that an answer means the same as its reference.

The judge is shown question, reference and answer and gives its reason before its verdict, bound by
a schema; what it is shown is data between marks that it cannot hold. An answer that gets no mark is
counted, and never counts as right.

Source: Zheng et al. 2023, arXiv 2306.05685, section 3.4: with the reference beside it the judge
    graded 3 of 20 answers to mathematical questions wrongly, without it 14.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from distill.component import Positive, Share, Text, component
from distill.errors import UserError
from distill.judges.asking import ask_for, fenced
from distill.metrics.scores import mean_score
from distill.models.batch_api import Mode
from distill.models.client import ModelClient
from distill.models.protocol import Model, Request
from distill.models.settings import BaseUrl

ROLE = "metric_judge"
REASON, VERDICT = "reason", "verdict"
SAME, DIFFERENT = "same", "different"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        REASON: {"type": "string"},
        VERDICT: {"type": "string", "enum": [SAME, DIFFERENT]},
    },
    "required": [REASON, VERDICT],
    "additionalProperties": False,
}
SHOWN_UNREAD = 5


@component
class Judged:
    """Share of answers that mean the same as the reference, as a model judges.

    Args:
        model: The judge's exact model id; handed to `via`.
        base_url: The judge's endpoint; handed to `via`.
        concurrency: Requests in flight at once; handed to `via`.
        mode: `online`, or `batch` where the provider has batches; handed to `via`. `None` leaves it
            to the choice of provider.
        via: The provider that is asked, one sample an answer.
        max_unscored: Highest share of the answers that may get no mark, in [0, 1]; above, the run
            stops. 1 never stops.
        human: A file of the student's held-out answers that humans have marked, as `distill
            calibrate` takes it: the score is told corrected by them, too. `None` for none.
        system: System prompt.
        prompt: User turn with `{material}`.
    """

    name: ClassVar[str] = "judged"

    model: Text
    base_url: BaseUrl | None
    concurrency: Positive
    mode: Mode | None
    via: Model
    max_unscored: Share
    human: Text | None
    system: Text
    prompt: Text

    def __post_init__(self) -> None:
        """Check what the fields alone cannot say.

        Raises:
            ValueError: the placeholder is missing, or several samples are wanted.
        """
        if "{material}" not in self.prompt:
            raise ValueError("prompt: want a text that contains {material}")
        if self.via.samples != 1:
            raise ValueError("via: want samples: 1, for one mark an answer")

    @property
    def endpoint(self) -> Model:
        """The model that is asked."""
        return self.via

    def on(self, questions: Sequence[str], client: ModelClient) -> JudgedItems:
        """Return the metric of answers to these questions.

        Args:
            questions: `(items,)`.
            client: Answers out of the ledger where it can.
        """
        return JudgedItems(self, questions, client)

    def request(self, question: str, answer: str, reference: str) -> Request:
        """Return what the judge is asked about one answer."""
        material = {"question": question, "reference": reference, "answer": answer}
        data = fenced("\0".join(material.values()), material)
        prompt = self.prompt.replace("{material}", data)
        return Request(prompt=prompt, system=self.system, schema=SCHEMA)


class JudgedItems:
    """`Judged` on the items of one set; each answer to an item is asked about once.

    Args:
        metric: Says how it is asked.
        questions: `(items,)`.
        client: Answers out of the ledger where it can.
    """

    name: ClassVar[str] = Judged.name

    def __init__(self, metric: Judged, questions: Sequence[str], client: ModelClient) -> None:
        self._metric = metric
        self._questions = questions
        self._client = client
        # By question, answer and reference; `None` where the judge gave no mark.
        self._marks: dict[tuple[str, str, str], bool | None] = {}

    def mark(self, several: Sequence[Sequence[str | None]], references: Sequence[str]) -> None:
        """Ask about the answers of several students at once.

        Args:
            several: Each `(items,)`, `None` where there is no answer.
            references: `(items,)`.

        Raises:
            UserError: too many answers got no mark.
        """
        wanted = dict.fromkeys(
            item
            for answers in several
            for item in self._items(answers, references)
            if item is not None and item not in self._marks
        )
        if not wanted:
            return
        requests = [
            self._metric.request(question, answer, reference)
            for question, answer, reference in wanted
        ]
        heard = ask_for(requests, _read, model=self._metric.via, client=self._client, role=ROLE)
        self._marks |= {item: one.value for item, one in zip(wanted, heard, strict=True)}
        self._check([one.why for one in heard if one.value is None])

    def score(
        self, answers: Sequence[str | None], references: Sequence[str]
    ) -> npt.NDArray[np.float64]:
        """Return `(items,)`: 1 for the same meaning, else 0; 0 too without an answer or a mark."""
        self.mark([answers], references)
        marks = [
            item is not None and self._marks[item] is True
            for item in self._items(answers, references)
        ]
        return np.array(marks, dtype=np.float64)

    def summary(self, answers: Sequence[str | None], references: Sequence[str]) -> float:
        """Return the share of answers that mean the same as their reference, in [0, 1]."""
        return mean_score(self.score(answers, references))

    def unscored(self, answers: Sequence[str | None], references: Sequence[str]) -> int:
        """Count the answers that got no mark."""
        self.mark([answers], references)
        items = self._items(answers, references)
        return sum(item is not None and self._marks[item] is None for item in items)

    def _items(
        self, answers: Sequence[str | None], references: Sequence[str]
    ) -> list[tuple[str, str, str] | None]:
        """Return what is to be marked; nobody has to be asked about an answer without a word."""
        together = zip(self._questions, answers, references, strict=True)
        return [
            None if answer is None or not answer.strip() else (question, answer, reference)
            for question, answer, reference in together
        ]

    def _check(self, unread: Sequence[str]) -> None:
        without = sum(mark is None for mark in self._marks.values())
        share, most = without / len(self._marks), self._metric.max_unscored
        if share <= most:
            return
        reasons = "".join(f"\n  {why}" for why in list(dict.fromkeys(unread))[:SHOWN_UNREAD])
        raise UserError(
            f"metric.{self.name}: {without} of {len(self._marks)} held-out answers got no mark "
            f"({share:.1%}), more than the {most:.1%} allowed.{reasons}",
            hint="take a judge that keeps to the schema or raise metric.judged.via.max_tokens; "
            "metric.judged.max_unscored=1 counts them as wrong",
        )


def _read(reply: Mapping[str, Any]) -> bool:
    verdict = reply[VERDICT]
    if verdict not in {SAME, DIFFERENT}:
        raise ValueError("no verdict")
    return bool(verdict == SAME)

"""Open questions, answered in prose."""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

from distill.component import Text, component
from distill.models.protocol import Model, Reply, Request
from distill.tasks.reading import Answer, Template, filled, stopped


@component
class QA:
    """Answer an open question in prose.

    Args:
        system: System prompt of the teacher, or `None`.
        prompt: User turn with `{question}`.
        answer_marker: A text that stands between the rationale and the answer, each reply's last
            occurrence counts; `None` where the whole reply is the answer.
    """

    system: str | None
    prompt: Template
    answer_marker: Text | None

    @property
    def name(self) -> str:
        """The task's name."""
        return "qa"

    @property
    def varied(self) -> str:
        """What the student is to say shows mode collapse."""
        return "answer"

    def rows_per_seed(self, model: Model) -> int:
        """One row a sample."""
        return model.samples

    def requests(self, question: str, *, sample: int, model: Model) -> list[Request]:
        """One request a row."""
        del model
        return [Request(prompt=filled(self.prompt, question), system=self.system, sample=sample)]

    def read(self, replies: Sequence[Reply]) -> Answer:
        """Split the reply at the marker, where there is one."""
        bad = stopped(replies)
        if bad is not None:
            return bad
        text = replies[0].text.strip()
        if self.answer_marker is None:
            return Answer(answer=text)
        rationale, marker, answer = text.rpartition(self.answer_marker)
        if not marker or not answer.strip():
            detail = f"{self.answer_marker!r} does not stand in the reply, or nothing follows it"
            return Answer(answer=text, reason="no_answer_marker", detail=detail)
        return Answer(answer=answer.strip(), rationale=rationale.strip() or None)

    def finish(self, table: pl.DataFrame) -> pl.DataFrame:
        """Nothing needs all rows at once."""
        return table

    def final(self, answer: str) -> str | None:
        """Two answers are the same when their words are."""
        return " ".join(re.findall(r"\w+", answer.casefold())) or None

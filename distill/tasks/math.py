"""Word problems: steps, then `#### number`."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from distill.component import component
from distill.models.protocol import Model, Reply, Request
from distill.tasks.reading import Answer, Template, filled, stopped

ANSWER_MARK = "####"


@component
class Math:
    """Solve a word problem step by step and end with `#### number`.

    Args:
        system: System prompt of the teacher, or `None`.
        prompt: User turn with `{question}`.
    """

    system: str | None
    prompt: Template

    @property
    def name(self) -> str:
        """The task's name."""
        return "math"

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
        """Take the whole reply as the answer: the student learns the steps and the number."""
        bad = stopped(replies)
        if bad is not None:
            return bad
        text = replies[0].text.strip()
        steps, mark, _number = text.rpartition(ANSWER_MARK)
        return Answer(answer=text, rationale=steps.strip() if mark else None)

    def finish(self, table: pl.DataFrame) -> pl.DataFrame:
        """Nothing needs all rows at once."""
        return table

    def final(self, answer: str) -> str | None:
        """Two answers are the same when their last number is."""
        from fractions import Fraction

        from distill.metrics.numbers import extract_number

        number = extract_number(answer)
        return None if number is None else str(Fraction(number))

"""A student that was trained elsewhere and stands behind an endpoint: asked, never trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, NoReturn

from pydantic import Field

from distill.component import Positive, Text, component
from distill.errors import UserError
from distill.models.protocol import Model, Reply, Request
from distill.models.settings import BaseUrl
from distill.students.examples import Examples
from distill.tasks import Task
from distill.tasks.reading import stopped


@component
class Endpoint:
    """Let a model that was trained elsewhere answer the held-out questions.

    Args:
        model: The student's exact model id; handed to `via`.
        base_url: The student's endpoint; handed to `via`.
        concurrency: Requests in flight at once; handed to `via`.
        ask: `question` asks the bare question, as a line of `dataset.jsonl` does; `task` asks what
            the task asks its teacher.
        system: System prompt beside a bare question, or `None`: what the student was trained with.
        via: The provider that is asked. More than one of its `samples` are votes on a label with
            `ask=task`; elsewhere one reply counts.
        base: The model before it was tuned, as a control; `None` for none.
    """

    model: Text
    base_url: BaseUrl | None
    concurrency: Positive
    ask: Literal["question", "task"]
    system: Text | None
    via: Model
    base: Annotated[
        Model | None,
        Field(description="a model, teacher@student.base=PROVIDER student.base.model=ID, or null"),
    ]

    def __post_init__(self) -> None:
        """Check what the fields alone cannot say.

        Raises:
            ValueError: a system prompt is set that would not be sent.
        """
        if self.ask == "task" and self.system is not None:
            raise ValueError("system: want null with student.ask=task, which sends task.system")

    @property
    def tasks(self) -> frozenset[str]:
        """All of them."""
        return frozenset({"qa", "math", "classify"})

    @property
    def models(self) -> dict[str, Model]:
        """Who is asked, by the key that configures it: `base` where there is one, then `via`."""
        return ({} if self.base is None else {"base": self.base}) | {"via": self.via}

    def fit(self, examples: Examples, *, seed: int) -> NoReturn:
        """Refuse: weights behind an endpoint are not trained here.

        Raises:
            UserError: always.
        """
        del examples, seed
        raise UserError(
            f"student: {self.model} was trained elsewhere and cannot be trained here.",
            hint="choose a student that this command can train, or student=none",
        )

    def requests(self, question: str, *, task: Task, model: Model) -> list[Request]:
        """Return the requests whose replies make up one answer of `model`."""
        if self.ask == "task":
            return task.requests(question, sample=0, model=model)
        return [Request(prompt=question, system=self.system)]

    def read(self, replies: Sequence[Reply], *, task: Task) -> str | None:
        """Return the answer as the metrics take it; `None` where the replies hold none.

        Args:
            replies: Of one question, at least one.
            task: Reads the replies to its own prompt. The reply to a bare question is the answer,
                as it is in the dataset; what was refused, cut or left empty is none.
        """
        if self.ask == "task":
            answer = task.read(replies)
            return answer.answer if answer.reason is None else None
        return None if stopped(replies) is not None else replies[0].text.strip()

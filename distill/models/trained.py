"""A classifier that an earlier run trained, as the teacher of the next: its whole distribution.

The teacher with everything in view: no endpoint, no key, no cost, and the probability of each
label as it stands. Its id is a digest of its files, so that the ledger's answers are those of this
very student, and a run can be rebuilt when its files are gone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np

from distill.component import Text, component
from distill.errors import DistillError, UserError
from distill.models.messages_api import message_body, read_message
from distill.models.protocol import FailedRequestError, Reply, Request, Send, Sent
from distill.models.settings import ModelSettings


@component
class TrainedModel(ModelSettings):
    """A trained student's classifier scores the labels; for `task=classify`.

    It is asked the task's user turn: `task.prompt="{question}"` asks the bare question that it was
    trained on. System prompts and examples are not looked at.

    Args:
        path: The folder `student/` of a run with `student=soft_targets` or `student=classifier`.
    """

    path: Text

    @property
    def provider(self) -> str:
        """The provider's name, as in the price list."""
        return "local"

    @property
    def namespace(self) -> str:
        """What tells answers of this endpoint from those of others, without its host."""
        return "trained"

    @property
    def scores_labels(self) -> bool:
        """A classifier gives a probability of every label."""
        return True

    def wire(self, request: Request) -> dict[str, Any]:
        """Return what shapes the answer."""
        body = message_body(request, model=self.model, max_tokens=self.max_tokens)
        if request.labels is not None:
            body["label_scores"] = list(request.labels)
        return body

    def read(self, body: Mapping[str, Any]) -> Reply:
        """Read a raw response body."""
        return read_message(body)

    @asynccontextmanager
    async def connect(self, name: str) -> AsyncIterator[Send]:
        """Load the student.

        Raises:
            UserError: there is none, it is no classifier, or it is another than `model` says.
        """
        from distill.students import load
        from distill.students.classifier import TrainedClassifier

        folder = Path(self.path).expanduser()
        student = load(folder)
        if not isinstance(student, TrainedClassifier):
            raise UserError(
                f"{name}.path: the student in {self.path} gives no probabilities of labels.",
                hint="name the folder of a run with student=soft_targets or student=classifier",
            )

        found = student_id(folder)
        if found != self.model:
            raise UserError(
                f"{name}.model: got {self.model!r}, want the id of the student in {self.path}.",
                hint=f"{name}.model={found}",
            )

        async def send(text: str) -> Sent:
            body = json.loads(text)
            labels = body.get("label_scores")
            if labels is None or set(labels) != set(student.labels):
                raise FailedRequestError(
                    f"it tells {', '.join(student.labels)} apart, and was asked for "
                    f"{', '.join(labels or ['a text'])}",
                    fatal=True,
                )
            question = body["messages"][-1]["content"]
            try:
                probs = student.predict_proba([question])[0]
            except DistillError as error:
                raise FailedRequestError(str(error)) from error
            logs = np.log(np.maximum(probs, np.finfo(np.float64).tiny))
            told = dict(zip(student.labels, logs.tolist(), strict=True))
            best = student.labels[int(probs.argmax())]
            return Sent(
                body={
                    "model": self.model,
                    "content": [{"type": "text", "text": best}],
                    "stop_reason": "end_turn",
                    "usage": {"input_tokens": 0, "output_tokens": 0},
                    "label_logprobs": told,
                }
            )

        yield send


def student_id(folder: Path) -> str:
    """Return the id of a trained student: `student-` and 16 hex digits of a digest of its files."""
    total = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.name}\0{content}\n".encode())
    return f"student-{total.hexdigest()[:16]}"

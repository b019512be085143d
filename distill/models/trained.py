"""A classifier that an earlier run trained, as the teacher of the next: its whole distribution.

The teacher with everything in view: no endpoint, no key, no cost, and the probability of each
label as it stands. What it answers goes into the ledger as the answers of any other model do, under
the digest of its files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
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
        """Return what shapes the answer: the request, and the digest of the student's files."""
        body = message_body(request, model=self.model, max_tokens=self.max_tokens)
        body["student_sha256"] = _sha256(Path(self.path).expanduser())
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
            UserError: there is none, or it is no classifier.
        """
        from distill.students import load
        from distill.students.classifier import TrainedClassifier

        student = load(Path(self.path).expanduser())
        if not isinstance(student, TrainedClassifier):
            raise UserError(
                f"{name}.path: the student in {self.path} gives no probabilities of labels.",
                hint="name the folder of a run with student=soft_targets or student=classifier",
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


def _sha256(folder: Path) -> str | None:
    """Return the digest of a student's files, or `None` where there are none."""
    files = sorted(path for path in folder.glob("*") if path.is_file())
    return _digest(tuple((path, path.stat().st_mtime_ns) for path in files)) if files else None


@lru_cache(maxsize=8)
def _digest(files: tuple[tuple[Path, int], ...]) -> str:
    total = hashlib.sha256()
    for path, _ in files:
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.name}\0{content}\n".encode())
    return total.hexdigest()

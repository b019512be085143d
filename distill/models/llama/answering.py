"""Who answers behind the API: a model of llama.cpp, or a student that answers in Python."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from distill.models.llama.backend import EngineSettings
from distill.models.llama.chat import IM_END, Piece, prompt_pieces
from distill.models.llama.engine import Completion, Engine, PromptTooLongError, SchemaError
from distill.models.llama.labels import SameTokensError
from distill.models.llama.template import ChatSettings, ChatTemplate, TemplateError
from distill.models.llama.wire import CountRequest, MessagesRequest, invalid

# Of a question that a student in Python is asked, in words; its own limits are its own affair.
MAX_WORDS = 100_000


class Answering(Protocol):
    """Someone who answers."""

    @property
    def most_tokens(self) -> int:
        """Longest prompt, and longest reply."""

    async def __aenter__(self) -> Self:
        """Get ready, in the loop that asks."""

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let go."""

    async def count(self, asked: CountRequest) -> int:
        """Return the number of tokens of a prompt."""

    async def complete(self, asked: MessagesRequest) -> Completion:
        """Answer.

        Raises:
            ApiError: what was asked cannot be done.
        """


class LlamaAnswers:
    """A model of llama.cpp.

    Args:
        settings: Of the engine; the model is loaded here, which takes seconds.
        chat: How its conversations are written; `None` for the embedded model, whose template is
            known by heart.

    Raises:
        RuntimeError: llama.cpp cannot load the weights.
    """

    def __init__(self, settings: EngineSettings, chat: ChatSettings | None) -> None:
        self._template = None if chat is None else ChatTemplate(chat)
        end = IM_END if self._template is None else self._template.end
        self._engine = Engine(settings, end=end)

    @property
    def most_tokens(self) -> int:
        """Longest prompt, and longest reply: the context holds one token of the other."""
        return self._engine.context_tokens - 1

    async def __aenter__(self) -> Self:
        """Open the engine's connections."""
        await self._engine.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close them."""
        await self._engine.__aexit__(kind, error, traceback)

    async def count(self, asked: CountRequest) -> int:
        """Return the number of tokens of a prompt."""
        return await self._engine.count(self._pieces(asked))

    async def complete(self, asked: MessagesRequest) -> Completion:
        """Answer.

        Raises:
            ApiError: the prompt is too long, or a schema or labels cannot be kept to.
        """
        pieces = self._pieces(asked)
        try:
            if asked.label_scores is not None:
                return await self._engine.score_labels(pieces, asked.label_scores)
            done = await self._engine.generate(
                pieces,
                max_tokens=asked.max_tokens,
                temperature=asked.temperature,
                seed=asked.seed,
                stop=asked.stop_sequences,
                schema=asked.schema_asked,
                top_logprobs=asked.first_logprobs,
            )
            if self._template is None:
                return done
            return replace(done, text=self._template.answer(done.text))
        except PromptTooLongError as error:
            raise invalid(str(error)) from error
        except SchemaError as error:
            raise invalid(f"output_config.format.schema: {error}") from error
        except SameTokensError as error:
            raise invalid(f"label_scores: {error}") from error

    def _pieces(self, asked: CountRequest) -> list[Piece]:
        if self._template is None:
            return prompt_pieces(asked.system_text, asked.turns)
        try:
            return self._template.pieces(asked.system_text, asked.turns)
        except TemplateError as error:
            raise invalid(f"messages: {error}") from error


class StudentAnswers:
    """A student that answers in Python: asked the last turn of the user's, and nothing else.

    It has no tokens; its words are counted in their place.

    Args:
        folder: Where it was saved.

    Raises:
        DistillError: there is none, or it cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        from distill.students import load

        self._student: Any = load(folder)

    @property
    def most_tokens(self) -> int:
        """Longest question, in words."""
        return MAX_WORDS

    async def __aenter__(self) -> Self:
        """Answer nothing yet: the first answer is one at a time, as are all."""
        self._alone = asyncio.Lock()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let go of nothing."""

    async def count(self, asked: CountRequest) -> int:
        """Return the number of words of the last turn."""
        return len(asked.turns[-1][1].split())

    async def complete(self, asked: MessagesRequest) -> Completion:
        """Answer the last turn.

        Raises:
            ApiError: something is asked that only a language model does, or other labels than the
                student's.
        """
        role, question = asked.turns[-1]
        if role != "user":
            raise invalid("messages: want a last turn of the user's for this student")
        beyond = asked.schema_asked is not None or asked.first_logprobs is not None
        if beyond or asked.stop_sequences:
            raise invalid("this student gives whole answers: no schema, stop or token logprobs")
        async with self._alone:
            if asked.label_scores is not None:
                return await asyncio.to_thread(self._scored, question, asked.label_scores)
            (text,) = await asyncio.to_thread(self._student.answer, [question])
        return self._done(question, text)

    def _scored(self, question: str, labels: Sequence[str]) -> Completion:
        known = getattr(self._student, "labels", ())
        if not known or set(labels) != set(known):
            told = ", ".join(known) if known else "none"
            raise invalid(f"label_scores: want the labels of this student: {told}")
        (probs,) = self._student.predict_proba([question])
        by_label = dict(zip(known, probs.tolist(), strict=True))
        # A probability of 0 has no logarithm; the smallest double stands in for it.
        logs = {label: math.log(max(by_label[label], 5e-324)) for label in labels}
        best = max(labels, key=lambda label: logs[label])
        return self._done(question, best, logs)

    @staticmethod
    def _done(question: str, text: str, logs: dict[str, float] | None = None) -> Completion:
        return Completion(
            text=text,
            stop_reason="end_turn",
            input_tokens=len(question.split()),
            output_tokens=len(text.split()),
            label_logprobs=logs,
        )

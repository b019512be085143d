"""What all augmenters share: whom they ask, how much, and in which words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from distill.augmenters.dealing import dealt, quotas
from distill.augmenters.step import Chain, Flaw, Step
from distill.component import Count, Text, component
from distill.embeddings import require_embeddings
from distill.models.protocol import Model, Request

QUESTION = "question"
MOST_PER_SEED = 1000

PerSeed = Annotated[
    int, Field(ge=0, le=MOST_PER_SEED, description=f"a whole number from 0 to {MOST_PER_SEED}")
]
Cosine = Annotated[
    float | None, Field(gt=0, le=1, description="a number above 0 and up to 1, or null")
]
Via = Annotated[
    Model | None,
    Field(description="null for the run's teacher, or another model by teacher@augment.via=CHOICE"),
]
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {QUESTION: {"type": "string"}},
    "required": [QUESTION],
    "additionalProperties": False,
}


@component
class Rewriting:
    """Ask a model to rewrite one question at a time; the reply is a JSON object.

    The question is handed over as data, a JSON string between delimiters that it cannot foresee.

    Args:
        via: The model that is asked, `None` for the run's teacher. Its `samples` do not count.
        per_seed: New questions asked for each real one, in [0, 1000].
        max_rows: Most new questions asked for in all, shared out evenly; `None` sets no limit.
        heldout_cosine: New questions whose static embedding has at least this cosine with a
            held-out one fall out, in (0, 1]; `None` looks at their words alone.
        system: System prompt.
        prompt: User turn with `{how}` and `{material}`.

    Raises:
        ExtraMissingError: `heldout_cosine` is set and the extra `embed` is not installed.
    """

    via: Via
    per_seed: PerSeed
    max_rows: Count | None
    heldout_cosine: Cosine
    system: Text
    prompt: Text

    def __post_init__(self) -> None:
        """Check what the fields alone cannot say.

        Raises:
            ValueError: a placeholder is missing.
        """
        if "{how}" not in self.prompt or "{material}" not in self.prompt:
            raise ValueError("prompt: want a text that contains {how} and {material}")
        if self.heldout_cosine is not None:
            require_embeddings()

    def request(self, text: str, step: Step) -> Request:
        """Return what the model is asked, so that it rewrites `text`."""
        fence = hashlib.sha256(text.encode()).hexdigest()[:16]
        data = json.dumps({QUESTION: text}, ensure_ascii=False)
        prompt = self.prompt.replace("{how}", step.how).replace(
            "{material}", f"<data-{fence}>\n{data}\n</data-{fence}>"
        )
        return Request(prompt=prompt, system=self.system, schema=SCHEMA, sample=step.sample)

    def fault(self, made: str, text: str) -> Flaw | None:
        """Find no fault: what holds for every augmenter is looked at elsewhere."""
        del made, text
        return None

    def reference(self, parent: str | None) -> str | None:
        """Return no reference: the answer to the parent need not be the answer to its child."""
        del parent
        return None

    def single(
        self, options: Sequence[tuple[str, str]], seeds: int, seed: int
    ) -> list[list[Chain]]:
        """Return one chain of one step for each new question.

        Args:
            options: Name and words of each way to rewrite.
            seeds: How many real questions there are.
            seed: Of every draw.
        """
        hands = quotas(seeds, per_seed=self.per_seed, max_rows=self.max_rows, seed=seed)
        return [
            [(Step(name=options[i][0], how=options[i][1], sample=sample),) for i, sample in hand]
            for hand in dealt(len(options), hands, seed=seed)
        ]

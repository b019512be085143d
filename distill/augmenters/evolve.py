"""Questions that grow harder, deeper or broader step by step."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from distill.augmenters.dealing import dealt, quotas
from distill.augmenters.rewriting import Rewriting
from distill.augmenters.step import Chain, Flaw, Step
from distill.component import Positive, Text, Texts, component

MOST_ROUNDS = 20

Operations = Annotated[dict[str, Text], Field(min_length=1, description="operations, a text each")]
Rounds = Annotated[
    int, Field(ge=1, le=MOST_ROUNDS, description=f"a whole number from 1 to {MOST_ROUNDS}")
]


@component
class Evolve(Rewriting):
    """Let questions evolve: each round rewrites what the round before it made.

    Every step that comes out well is a question of the dataset. One that fails is dropped, and the
    next round tries another operation on the text before it.

    Args:
        rounds: Steps of one line of evolution, in [1, 20]. `per_seed` is how many lines start at
            each real question, so a seed asks for `per_seed * rounds` new questions.
        operations: What a step may do, by name; dealt evenly.
        max_added_words: Most words that a step may add, >= 1; `None` sets no limit.
        markers: Words of the prompt that a rewriting never has: where one is found and was not in
            the text before it, the model has copied its instructions.

    Source:
        Evol-Instruct (WizardLM, arXiv:2304.12244). There a model also says whether a step gained
        anything, and a step is dropped if its answer is short and sorry; here rules alone decide,
        and the filters and the judge see to the answers.
    """

    rounds: Rounds
    operations: Operations
    max_added_words: Positive | None
    markers: Texts

    def chains(self, seeds: int, *, seed: int) -> list[list[Chain]]:
        """Return `per_seed` chains of `rounds` steps."""
        each = self.per_seed * self.rounds
        hands = quotas(seeds, per_seed=each, max_rows=self.max_rows, seed=seed)
        options = list(self.operations.items())
        found = []
        for hand in dealt(len(options), hands, seed=seed):
            steps = [
                Step(name=options[i][0], how=options[i][1], sample=sample) for i, sample in hand
            ]
            starts = range(0, len(steps), self.rounds)
            found.append([tuple(steps[at : at + self.rounds]) for at in starts])
        return found

    def fault(self, made: str, text: str) -> Flaw | None:
        """Return `leaked_prompt` or `too_long`, or `None` for a step that came out well."""
        before, after = text.casefold(), made.casefold()
        leaked = [m for m in self.markers if m.casefold() in after and m.casefold() not in before]
        if leaked:
            return Flaw("leaked_prompt", f"it says {', '.join(map(repr, leaked))}")
        added = len(made.split()) - len(text.split())
        if self.max_added_words is None or added <= self.max_added_words:
            return None
        return Flaw("too_long", f"{added} words more, at most {self.max_added_words} are allowed")

"""Which new questions give a held-out one away: nothing is trained on them, and no model sees them.

A rebuild has no held-out set; it takes the run's own word for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import polars as pl

from distill.augmenters import Augmenter
from distill.embeddings import embed
from distill.guards.ngrams import covered
from distill.wording import normalised, signed

NEIGHBOUR = "heldout_neighbour"
NEIGHBOUR = "heldout_neighbour"
# The rule of the guard against contamination, whatever its mode.
NGRAM = 8
MAX_SHARE = 0.5
ROWS_AT_ONCE = 1024

# Says of each question which held-out one it is too close to, and how; `None` for none.
Screen = Callable[[Sequence[str]], list[str | None]]


def no_screen(questions: Sequence[str]) -> list[str | None]:
    """Let everything pass: there is no held-out set."""
    return [None] * len(questions)


def screen_of(heldout: pl.DataFrame | None, augmenter: Augmenter) -> Screen:
    """Return what keeps new questions away from the held-out ones.

    Args:
        heldout: Columns `id` and `question`; `None` where there is no held-out set.
        augmenter: Says how near in meaning is too near.
    """
    if heldout is None:
        return no_screen
    return HeldoutScreen(heldout, cosine=augmenter.heldout_cosine)


class HeldoutScreen:
    """Finds questions that are equal to a held-out one or share more than half of its words.

    Args:
        heldout: Columns `id` and `question`.
        cosine: Those at least so near a held-out one in meaning are found too, in (0, 1].
    """

    def __init__(self, heldout: pl.DataFrame, *, cosine: float | None = None) -> None:
        self._held = heldout.select("id", words=normalised("question"), whole=signed("question"))
        self._cosine = cosine
        self._vectors = None if cosine is None else embed(heldout["question"])

    def __call__(self, questions: Sequence[str]) -> list[str | None]:
        """Return which held-out question each is too close to; of several the closest."""
        rows = pl.DataFrame({"question": questions}, schema={"question": pl.String})
        words, whole = rows.select(words=normalised("question"), whole=signed("question"))
        names = self._held["id"].to_list()
        told: list[str | None] = [None] * len(words)
        for row, (held, cosine) in self._near_in_meaning(questions):
            told[row] = f"has a cosine of {cosine:.2f} with held-out {names[held]}"
        near = covered(self._held["words"], [words], n=NGRAM).filter(pl.col("share") > MAX_SHARE)
        for held, row, share in near.sort("share", "held", descending=[False, True]).iter_rows():
            told[row] = f"shares {share:.0%} of the words of held-out {names[held]}"
        equal = dict(zip(reversed(self._held["whole"]), reversed(names), strict=True))
        for row, text in enumerate(whole):
            if text in equal:
                told[row] = f"is held-out {equal[text]}"
        return told

    def _near_in_meaning(self, questions: Sequence[str]) -> Iterator[tuple[int, tuple[int, float]]]:
        """Yield `(question, (held-out question, cosine))` of those that are too near."""
        if self._cosine is None or self._vectors is None or not len(self._vectors):
            return
        made = embed(questions)
        for start in range(0, len(made), ROWS_AT_ONCE):
            cosines = made[start : start + ROWS_AT_ONCE] @ self._vectors.T
            closest = cosines.argmax(axis=1)
            for row, held in enumerate(closest):
                if cosines[row, held] >= self._cosine:
                    yield start + row, (int(held), float(cosines[row, held]))


class KnownScreen:
    """Finds the questions that a run has found.

    Args:
        table: The run's own table.
        stage: The stage whose rows count.
    """

    def __init__(self, table: pl.DataFrame, *, stage: str) -> None:
        found = table.filter(stage=stage, reason=NEIGHBOUR).select("question", "detail")
        self._told = {question: detail or "" for question, detail in found.iter_rows()}

    def __call__(self, questions: Sequence[str]) -> list[str | None]:
        """Return the run's own words of each."""
        return [self._told.get(question) for question in questions]

"""Which new questions give a held-out one away: nothing is trained on them, and no model sees them.

A rebuild has no held-out set; it takes the run's own word for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl

from distill.guards.ngrams import covered
from distill.wording import normalised

NEIGHBOUR = "heldout_neighbour"
NEIGHBOUR = "heldout_neighbour"
# The rule of the guard against contamination, whatever its mode.
NGRAM = 8
MAX_SHARE = 0.5

# Says of each question which held-out one it is too close to, and how; `None` for none.
Screen = Callable[[Sequence[str]], list[str | None]]


def no_screen(questions: Sequence[str]) -> list[str | None]:
    """Let everything pass: there is no held-out set."""
    return [None] * len(questions)


class HeldoutScreen:
    """Finds questions that are equal to a held-out one or share more than half of its words.

    Args:
        heldout: Columns `id` and `question`.
    """

    def __init__(self, heldout: pl.DataFrame) -> None:
        self._held = heldout.select("id", words=normalised("question"))

    def __call__(self, questions: Sequence[str]) -> list[str | None]:
        """Return which held-out question each is too close to; of several the closest."""
        rows = pl.DataFrame({"question": questions}, schema={"question": pl.String})
        words = rows.select(words=normalised("question"))["words"]
        names = self._held["id"].to_list()
        told: list[str | None] = [None] * len(words)
        near = covered(self._held["words"], [words], n=NGRAM).filter(pl.col("share") > MAX_SHARE)
        for held, row, share in near.sort("share", "held", descending=[False, True]).iter_rows():
            told[row] = f"shares {share:.0%} of the words of held-out {names[held]}"
        equal = dict(zip(reversed(self._held["words"]), reversed(names), strict=True))
        for row, text in enumerate(words):
            if text in equal:
                told[row] = f"is held-out {equal[text]}"
        return told


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

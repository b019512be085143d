"""Seeds that are not what users ask teach the student another task."""

from __future__ import annotations

from itertools import zip_longest
from typing import Annotated, ClassVar

import polars as pl
from pydantic import Field

from distill.component import Seed, Share, Text, component
from distill.errors import printable
from distill.guards.finding import Evidence, Finding, Mode, When
from distill.guards.two_sample import Word, one_of_each, stripped, tell_apart
from distill.records import Fields, Records, Shape, read_records
from distill.records.sources import Columns

LEAST = 20  # below, a fold would hold three texts of a side
# Distinct texts of a side, and the smallest share of the seeds that had to be of another task to be
# found in 4 of 5 tests: `benchmarks/two_sample.py`. More texts did not find a tenth reliably.
FOUND = {50: 0.5, 100: 0.3, 200: 0.2}
ENOUGH = 500  # for half of the seeds to be of few topics of the same task


@component
class DistributionShift:
    """Fire when a classifier can tell the seeds' questions from real inputs by their words.

    Args:
        mode: `error`, `warn` or `off`.
        path: Real inputs, in the formats of `seeds.path`; only `question` counts, and a question
            may stand there many times. `None` compares with nothing and passes.
        min_auc: Area under the ROC curve from which a shift is large enough to matter, in [0, 1];
            0.5 is chance, 1 is told apart without a mistake.
        alpha: Significance level: the permutation p must lie below it, in (0, 1).
        permutations: Deals of the permutation test, >= 199; p is at least 1 / (permutations + 1).
        max_rows: Most distinct texts of either side, drawn at random beyond it, >= 20. Memory and
            time grow with its square and cube.
        seed: Of the draws.

    Note:
        A text that stands on both sides counts once, on one of them by chance. How the texts are
        written (case, signs, white space, which number) does not count, nor does length by itself.
        It is about words: the same words with another meaning are not seen.
    """

    when: ClassVar[When] = "before"
    mode: Mode
    path: Text | None
    min_auc: Share
    alpha: Annotated[float, Field(gt=0, lt=1, description="a number between 0 and 1")]
    permutations: Annotated[int, Field(ge=199, description="a whole number of 199 or more")]
    max_rows: Annotated[int, Field(ge=LEAST, description=f"a whole number of {LEAST} or more")]
    seed: Seed

    def __post_init__(self) -> None:
        """Refuse a level that no number of deals as small as this can reach.

        Raises:
            ValueError: `alpha` is not above 1 / (permutations + 1).
        """
        least = 1 / (self.permutations + 1)
        if self.alpha <= least:
            raise ValueError(
                f"alpha: got {self.alpha:g}, want a level above {least:g}, the smallest p that "
                f"{self.permutations} permutations can give"
            )

    def look(self, evidence: Evidence) -> Finding:
        """Compare the distinct questions of the seeds with those of the file.

        Raises:
            DataError: every fault of the file, each with its line.
            UserError: a Hugging Face dataset cannot be loaded.
        """
        if self.path is None:
            return Finding(
                fires=False,
                sentence="There is no file of real inputs to compare the seeds with "
                "(guard.distribution_shift.path).",
                untold="idle",
            )
        inputs = real_inputs(self.path)
        asked = evidence.table.unique("seed_id", maintain_order=True)["question"]
        texts = stripped(asked), stripped(inputs.frame["question"])
        # In the order of a draw, so that the first are a draw of all.
        distinct = one_of_each(*texts, seed=self.seed)
        seeds, real = (side[: self.max_rows] for side in distinct)
        sizes = f"{len(seeds):,} distinct seeds and {len(real):,} distinct real inputs"
        if max(map(len, distinct)) > self.max_rows:
            sizes += f" (drawn from {len(distinct[0]):,} and {len(distinct[1]):,})"
        if min(len(seeds), len(real)) < LEAST:
            return Finding(
                fires=False,
                sentence=f"{sizes} are not enough to see a shift: nothing is said below {LEAST}.",
                untold="unsure",
            )
        found = tell_apart(seeds, real, permutations=self.permutations, seed=self.seed)
        told = f"AUC {found.auc:.2f} (0.5 is chance), p = {found.p_value:.3g}; {sizes}"
        if found.auc < self.min_auc or found.p_value >= self.alpha:
            rows = min(len(seeds), len(real))
            return Finding(
                fires=False,
                sentence=f"A classifier does not tell the seeds from the real inputs: {told}."
                f"{_caveat(rows)}",
                untold="unsure" if rows < ENOUGH else None,
            )
        return Finding(
            fires=True,
            sentence=f"A classifier tells the seeds from the real inputs: {told}.",
            rows=(*_telling(found.words), _source(inputs)),
            hint="draw the seeds from what users ask (logs), as often as they ask it; the words "
            "above say what is asked too often or not at all",
        )


def real_inputs(path: str) -> Records:
    """Read the column `question` of a file; questions may repeat, other keys do not count.

    Raises:
        DataError: every fault of the file, each with its line.
        UserError: a Hugging Face dataset cannot be loaded.
    """
    shape = Shape(
        schema={"question": pl.String},
        columns=Columns(required=("question",), texts=("question",)),
        cells=_cells,
    )
    return read_records(path, shape)


def _cells(fields: Fields) -> tuple[str | None]:
    return (fields.text("question", required=True),)


def _caveat(rows: int) -> str:
    """Say what so many rows cannot show."""
    reached = [size for size in FOUND if size <= rows]
    if not reached:
        return f" Below {min(FOUND)} a side there is not enough data to see a partial shift."
    size = max(reached)
    share = (
        f"a shift of less than {FOUND[size]:.0%} of the seeds to another task (measured with "
        f"{size} a side), or within the task of several times as many"
    )
    if rows < ENOUGH:
        return f" There is not enough data to see {share}."
    return f" It may miss {share}."


def _telling(words: tuple[Word, ...]) -> list[str]:
    """Return a line a word, the sides by turns, the words that tell most first."""
    sides = [w for w in words if w.weight > 0], [w for w in reversed(words) if w.weight < 0]
    turns = [word for pair in zip_longest(*sides) for word in pair if word is not None]
    return [
        f"speaks for {'the seeds' if word.weight > 0 else 'real inputs'}: {word.text!r}, weight "
        f"{word.weight:+.2f}, in {word.first:.0%} of the seeds and {word.second:.0%} of the inputs"
        for word in turns
    ]


def _source(inputs: Records) -> str:
    name = printable(inputs.source)
    return f"real inputs: {name}, {inputs.frame.height:,} rows, SHA-256 {inputs.sha256[:12]}"

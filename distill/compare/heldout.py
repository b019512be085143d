"""The students of two runs on the held-out items that both answered.

Only items whose id, question and reference agree in both runs count, and they are compared item by
item: McNemar's mid-p test where they are right or wrong, else the paired bootstrap.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from distill.compare.side import ANSWER, SCORE, Side
from distill.scored import compare, interval
from distill.statistics import Interval, PairedTest
from distill.two_samples import explain_samples, two_samples

SEED = 0
SHOWN_SLICES = 20


@dataclass(frozen=True, kw_only=True)
class ArmCompared:
    """An arm that both runs have, on the shared items.

    Args:
        name: `teacher`, `real_only` and so on.
        a: Mean score in A, in [0, 1].
        b: Mean score in B.
    """

    name: str
    a: float
    b: float


@dataclass(frozen=True, kw_only=True)
class SliceCompared:
    """A part of the shared items.

    Args:
        name: Of the slice.
        n: Items.
        a: Mean score of A's student, in [0, 1].
        b: Of B's.
    """

    name: str
    n: int
    a: float
    b: float


@dataclass(frozen=True, kw_only=True)
class ItemCompared:
    """An item on which one student scored higher.

    Args:
        id: Of the held-out item.
        question: Its question.
        reference: Its right answer.
        a: A's answer.
        b: B's answer.
        score_a: A's score, in [0, 1].
        score_b: B's.
    """

    id: str
    question: str
    reference: str
    a: str | None
    b: str | None
    score_a: float
    score_b: float


@dataclass(frozen=True, kw_only=True)
class HeldoutCompared:
    """Both students on the shared items.

    Args:
        metric: The headline metric.
        arms: The arms that the runs deliver, (A, B).
        a: A's mean score with its 95 % interval.
        b: B's.
        test: B's student minus A's, paired by item.
        same_answers: Items on which the two said the same.
        items: Held-out items of each run, (A, B).
        altered: Items whose id both have, with another question or reference; they do not count.
        controls: The arms that both runs have.
        slices: Parts of the shared items, where there are several.
        examples: The first items on which one scored higher.
    """

    metric: str
    arms: tuple[str, str]
    a: Interval
    b: Interval
    test: PairedTest
    same_answers: int
    items: tuple[int, int]
    altered: int
    controls: tuple[ArmCompared, ...]
    slices: tuple[SliceCompared, ...]
    examples: tuple[ItemCompared, ...]


def compare_heldout(a: Side, b: Side, *, examples: int) -> HeldoutCompared | str:
    """Compare two students.

    Args:
        a: One run.
        b: The other.
        examples: Items that are shown, >= 0.

    Returns:
        The comparison, or in a sentence why there is none.
    """
    why_not = _why_not(a, b)
    if why_not or a.heldout is None or b.heldout is None:
        return why_not or ""
    shared, altered = _shared(a.heldout, b.heldout)
    if not shared.height:
        told = f"; {altered} ids agree, but not their question and reference" if altered else ""
        return f"The runs share no held-out item{told}. {_as_samples(a.heldout, b.heldout, a, b)}"
    arm_a, arm_b = _delivered(a), _delivered(b)
    score_a = shared[f"{SCORE}{arm_a}"].to_numpy()
    score_b = shared[f"{SCORE}{arm_b}_b"].to_numpy()
    answers = shared.select(
        *("id", "question", "reference", "slice"),
        a=f"{ANSWER}{arm_a}",
        b=f"{ANSWER}{arm_b}_b",
        score_a=f"{SCORE}{arm_a}",
        score_b=f"{SCORE}{arm_b}_b",
    )
    return HeldoutCompared(
        metric=_metric(a),
        arms=(arm_a, arm_b),
        a=interval(score_a, SEED),
        b=interval(score_b, SEED),
        test=compare(score_b, score_a, SEED),
        same_answers=int(answers.select(pl.col("a").eq_missing(pl.col("b")).sum()).item()),
        items=(a.heldout.height, b.heldout.height),
        altered=altered,
        controls=_controls(a, b, shared),
        slices=_slices(answers),
        examples=_examples(answers, examples),
    )


def _why_not(a: Side, b: Side) -> str | None:
    lacking = [name for name, side in (("A", a), ("B", b)) if not side.arms]
    if lacking:
        who = "Neither run" if len(lacking) == 2 else f"Only run {'B' if lacking == ['A'] else 'A'}"
        return f"{who} left held-out answers (student/heldout.parquet): {_mend(a, b)}."
    if a.task != b.task:
        return f"The tasks differ ({a.task} and {b.task}), so scores mean different things."
    if _metric(a) != _metric(b):
        return (
            f"The runs score by different metrics ({_metric(a)} and {_metric(b)}), so scores mean "
            "different things."
        )
    return None


def _mend(a: Side, b: Side) -> str:
    if any(side.figures.eval is not None for side in (a, b) if not side.arms):
        return "a run of an older release, or its folder is not whole"
    return "to compare students, run with a student and a held-out set on both sides"


def _metric(side: Side) -> str:
    return "score" if side.figures.eval is None else side.figures.eval.metric


def _delivered(side: Side) -> str:
    """Return the arm that a run delivers; the last one is the student."""
    named = None if side.figures.eval is None else side.figures.eval.arm
    return named if named in side.arms else side.arms[-1]


def _shared(a: pl.DataFrame, b: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Return the items that agree, in A's order, B's columns with `_b`, and how many ids do not."""
    renamed = b.rename({name: f"{name}_b" for name in b.columns if name != "id"})
    both = a.join(renamed, on="id", how="inner", maintain_order="left")
    agree = pl.all_horizontal(
        pl.col(name).eq_missing(pl.col(f"{name}_b")) for name in ("question", "reference")
    )
    shared = both.filter(agree)
    return shared, both.height - shared.height


def _as_samples(heldout_a: pl.DataFrame, heldout_b: pl.DataFrame, a: Side, b: Side) -> str:
    """Say what two sets of different items show of their students."""
    score_a, score_b = (
        heldout[f"{SCORE}{_delivered(side)}"].to_numpy()
        for heldout, side in ((heldout_a, a), (heldout_b, b))
    )
    return explain_samples(two_samples(score_b, score_a), "B", "A")


def _controls(a: Side, b: Side, shared: pl.DataFrame) -> tuple[ArmCompared, ...]:
    return tuple(
        ArmCompared(
            name=arm,
            a=float(shared[f"{SCORE}{arm}"].to_numpy().mean()),
            b=float(shared[f"{SCORE}{arm}_b"].to_numpy().mean()),
        )
        for arm in a.arms
        if arm in b.arms
    )


def _slices(answers: pl.DataFrame) -> tuple[SliceCompared, ...]:
    parts = (
        answers.filter(pl.col("slice").is_not_null())
        .group_by("slice")
        .agg(n=pl.len(), a=pl.col("score_a").mean(), b=pl.col("score_b").mean())
        .sort("n", "slice", descending=[True, False])
        .head(SHOWN_SLICES)
    )
    if parts.height < 2:
        return ()
    return tuple(SliceCompared(name=name, n=n, a=a, b=b) for name, n, a, b in parts.iter_rows())


def _examples(answers: pl.DataFrame, limit: int) -> tuple[ItemCompared, ...]:
    differ = answers.filter(pl.col("score_a") != pl.col("score_b")).drop("slice").head(limit)
    return tuple(ItemCompared(**row) for row in differ.iter_rows(named=True))

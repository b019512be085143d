"""How far a synthetic held-out set flatters the student, beside how far it flatters the teacher.

A student does well on questions that a model wrote for two reasons: they are easier, and they are
like what it was trained on. The teacher meets the first reason alone, so its own gap between
synthetic and real items is taken off the student's. None of this ever enters the verdict.

The items come out of a file. Rows of the run held back from training would bear the teacher's
answers as references: the teacher would be right on all of them, and its gap would say nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from distill.clustered import heldout_clusters
from distill.gaps import Gap, Sample, excess_of, gap_of
from distill.heldout import Heldout
from distill.heldout.file import heldout_shape
from distill.metrics import ItemMetric, Metric, mark_all
from distill.records import Records, read_records
from distill.scored import interval
from distill.statistics import Interval
from distill.table import is_in
from distill.wording import signed

if TYPE_CHECKING:
    from distill.stages.evaluate import Evaluation

TEACHER_ITSELF = "teacher"
# Where the real held-out items come from no file, which has a limit of its own.
MAX_QUESTION_CHARS = 100_000
Answer = Callable[[Sequence[str]], Sequence[str | None]]
OnItems = Callable[[Sequence[str]], Mapping[str, Metric]]


@dataclass(frozen=True, kw_only=True)
class Both:
    """One answerer on both sets.

    Args:
        synthetic: Mean score on the synthetic items with its 95 % interval.
        real: On the real ones.
        gap: The first minus the second.
    """

    synthetic: Interval
    real: Interval
    gap: Gap


@dataclass(frozen=True, kw_only=True)
class SyntheticGap:
    """What synthetic held-out items make of the student.

    Args:
        items: Synthetic items that were asked.
        left_out: Items that were not, because the dataset or the real held-out set asks the same.
        student: The delivered student, or `None` where no item was left.
        teacher: The teacher; `None` where it did not answer.
        excess: The student's gap minus the teacher's; `None` without a teacher.
    """

    items: int
    left_out: int
    student: Both | None = None
    teacher: Both | None = None
    excess: Gap | None = None


def read_synthetic(path: str | None, heldout: Heldout | None) -> Records | None:
    """Return the synthetic held-out items, or `None` where there are none.

    Args:
        path: `evaluate.synthetic_heldout`, a file as `heldout.path` takes it.
        heldout: Says how long a question may be.

    Raises:
        DataError: faults of the file, all at once.
    """
    if path is None:
        return None
    most = getattr(heldout, "max_question_chars", MAX_QUESTION_CHARS)
    return read_records(path, heldout_shape(most))


def fresh(synthetic: pl.DataFrame, table: pl.DataFrame, heldout: pl.DataFrame) -> pl.DataFrame:
    """Return the synthetic items whose question neither dataset nor real held-out set asks.

    Args:
        synthetic: Columns of a held-out file.
        table: The one table; the rows that are in are the dataset.
        heldout: The real items.
    """
    asked = pl.concat(
        [rows.select(key=signed("question")) for rows in (table.filter(is_in()), heldout)]
    )
    return synthetic.filter(~signed("question").is_in(asked["key"].unique().implode()))


def synthetic_gap(
    evaluation: Evaluation,
    synthetic: pl.DataFrame,
    table: pl.DataFrame,
    heldout: pl.DataFrame,
    *,
    answer: Answer,
    teacher: Answer | None,
    metrics: OnItems,
    seed: int,
) -> SyntheticGap:
    """Let student and teacher answer the synthetic items and compare their gaps.

    Args:
        evaluation: Of the real items; its arms are the other side of each gap.
        synthetic: Columns of a held-out file.
        table: The one table.
        heldout: The real items.
        answer: The student's answers to questions.
        teacher: The teacher's; `None` where it is not asked.
        metrics: Gives the metrics of answers to questions; the first is the headline.
        seed: Of every draw.
    """
    items = fresh(synthetic, table, heldout)
    left_out = synthetic.height - items.height
    if items.is_empty():
        return SyntheticGap(items=0, left_out=left_out)
    questions, references = items["question"].to_list(), items["reference"].to_list()
    clusters = heldout_clusters(items)
    measured = metrics(questions)
    metric = next(iter(measured.values()))
    if not isinstance(metric, ItemMetric):
        raise TypeError("the first metric scores items one by one; build has checked it")
    given = {evaluation.student: answer(questions)}
    if teacher is not None and TEACHER_ITSELF in evaluation.arms:
        given[TEACHER_ITSELF] = teacher(questions)
    mark_all(measured, list(given.values()), references)
    samples = {
        name: (
            Sample(scores=metric.score(answers, references), clusters=clusters),
            Sample(scores=evaluation.arms[name].scores, clusters=evaluation.clusters),
        )
        for name, answers in given.items()
    }
    student, beside = samples[evaluation.student], samples.get(TEACHER_ITSELF)
    return SyntheticGap(
        items=items.height,
        left_out=left_out,
        student=_told(student, seed),
        teacher=None if beside is None else _told(beside, seed),
        excess=None if beside is None else excess_of(student, beside, seed),
    )


def _told(samples: tuple[Sample, Sample], seed: int) -> Both:
    synthetic, real = samples
    return Both(
        synthetic=interval(synthetic.scores, seed, synthetic.clusters),
        real=interval(real.scores, seed, real.clusters),
        gap=gap_of(synthetic, real, seed),
    )

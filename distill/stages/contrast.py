"""Set the dataset's variety beside that of real references and of an earlier run."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from distill.diversity import DiversityMetric
from distill.diversity.contrast import LEAST_ROWS, Contrast, contrast
from distill.errors import UserError
from distill.table import REAL, TEACHER, is_in
from distill.tasks import Task

if TYPE_CHECKING:
    from distill.compare.side import Side
    from distill.plan import Plan


class References(NamedTuple):
    """Real texts.

    Args:
        texts: Columns `question` and `text`; no rows where there are none.
        source: What they are, in words.
    """

    texts: pl.DataFrame
    source: str


def read_baseline(plan: Plan) -> Side | None:
    """Read the run that `baseline.run` names, `None` where it names none.

    Raises:
        UserError: no run is called so, or a file of it is missing or damaged.
    """
    if plan.baseline.run is None:
        return None
    from distill.compare.side import FILES, read_side
    from distill.runs import find_run

    uri = (plan.config.get("tracking") or {}).get("uri")
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(find_run(plan.baseline.run, names=FILES))
        except UserError as error:
            if uri is None:
                raise UserError(f"baseline.run: {error.args[0]}", hint=error.hint) from error
            folder = stack.enter_context(find_run(plan.baseline.run, uri, names=FILES))
        return read_side(folder)


def contrasts(
    table: pl.DataFrame,
    diversity: Mapping[str, DiversityMetric],
    *,
    task: Task,
    references: References,
    baseline: Side | None,
) -> tuple[Contrast, ...]:
    """Compare the teacher's rows with real references, and the whole dataset with an earlier one.

    Args:
        table: Columns of `table.py`.
        diversity: What is measured; nothing is compared where it is empty.
        task: Says which column is compared; a run of another task is not.
        references: As `real_references` returns them.
        baseline: The earlier run, or `None`.
    """
    found: list[Contrast] = []
    metrics, dataset = tuple(diversity.values()), table.filter(is_in())
    if metrics and references.texts.height:
        own, real = _paired(_texts(dataset.filter(source=TEACHER), task.varied), references.texts)
        found.append(
            contrast(
                own,
                real,
                metrics,
                column=task.varied,
                against="references",
                source=references.source,
            )
        )
    if metrics and baseline is not None:
        source = f"the run {baseline.name}"
        if baseline.task == type(task).__name__:
            found.append(
                contrast(
                    _texts(dataset, task.varied),
                    _texts(baseline.dataset, task.varied),
                    metrics,
                    column=task.varied,
                    against="baseline",
                    source=source,
                )
            )
        else:
            why_not = f"its task is {baseline.task or 'not known'}"
            found.append(
                Contrast(against="baseline", source=source, column=task.varied, why_not=why_not)
            )
    return tuple(found)


def real_references(table: pl.DataFrame, heldout: pl.DataFrame | None, column: str) -> References:
    """Return real texts of the kind that the dataset's are.

    Args:
        table: Columns of `table.py`.
        heldout: Held-out rows (`question`, `reference`), or `None`.
        column: `answer` takes the humans' answers to the seeds, which pair with the teacher's by
            question, or where they are too few the reference answers held out; `question` takes
            the questions held out, or where there are none those of the real examples.
    """
    held = pl.DataFrame(schema={"question": pl.String, "reference": pl.String})
    held = held if heldout is None else heldout.select("question", "reference")
    first = table.filter(pl.col("sample") == 0)
    if column == "question" and held.height:
        return References(_texts(held, "question"), f"{held.height:,} held-out questions")
    if column == "question":
        real = first.filter(source=REAL)
        return References(_texts(real, "question"), f"{real.height:,} questions of real examples")
    seeds, held = first.drop_nulls("reference"), held.drop_nulls("reference")
    if seeds.height >= LEAST_ROWS or held.is_empty():
        told = f"{seeds.height:,} reference answers of the seeds"
        return References(_texts(seeds, "reference"), told)
    return References(_texts(held, "reference"), f"{held.height:,} held-out reference answers")


def _paired(own: pl.DataFrame, real: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows of questions that both sides have, or all where they have too few."""
    shared = own.join(real, on="question", how="semi", maintain_order="left")
    if shared["question"].n_unique() < LEAST_ROWS:
        return own, real
    return shared, real.join(own, on="question", how="semi", maintain_order="left")


def _texts(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    return frame.select("question", pl.col(column).alias("text"))

"""Read the real inputs into the one table."""

from __future__ import annotations

import polars as pl

from distill.errors import ConfigError, DataError, Fault, shown
from distill.heldout import Heldout
from distill.records import Records
from distill.seeds import Seeds
from distill.seeds.real import choose_real
from distill.students import Endpoint, SoftTargets, Student
from distill.table import REAL, SEED_COLUMNS, TEACHER
from distill.tasks import Classify, Task


def read_seeds(seeds: Seeds, *, seed: int) -> tuple[pl.DataFrame, Records]:
    """Return the table with one row a seed, in the order of the file.

    Labelled seeds that are drawn as real examples bring their human answer along and are not sent
    to the teacher; the reference of every other seed stays where only a verifier looks at it.

    Args:
        seeds: Where the inputs come from.
        seed: Of the draw of real examples.

    Raises:
        DataError: faults of the file, all at once.
        ConfigError: more real examples are wanted than there are labelled seeds.
    """
    records = seeds.read()
    real = choose_real(records.frame, seeds.real_labels, seed)
    is_real = pl.col("id").is_in(real)
    table = records.frame.with_columns(
        seed_id="id",
        sample=pl.lit(0, dtype=pl.Int64),
        source=pl.when(is_real).then(pl.lit(REAL)).otherwise(pl.lit(TEACHER)),
        stage=pl.lit(None, dtype=pl.String),
        reason=pl.lit(None, dtype=pl.String),
        detail=pl.lit(None, dtype=pl.String),
    )
    return table.select(*SEED_COLUMNS), records


def check_labels(
    task: Task,
    table: pl.DataFrame,
    heldout: Records | None,
    synthetic: Records | None = None,
) -> None:
    """See that every human label is one of the task's, before anything is spent.

    Raises:
        DataError: labels that the task does not have, each with the rows that bear it.
    """
    if not isinstance(task, Classify):
        return
    parts = {"seeds": table.filter(source=REAL)}
    given = {"heldout": heldout, "evaluate.synthetic_heldout": synthetic}
    parts |= {where: one.frame for where, one in given.items() if one is not None}
    faults = [
        Fault(where, f"one of task.labels, {', '.join(task.labels)}", shown(label), f"row {first}")
        for where, frame in parts.items()
        for label, first in frame.filter(~pl.col("reference").is_in(task.labels))
        .group_by("reference", maintain_order=True)
        .agg(pl.col("id").first())
        .iter_rows()
    ]
    if faults:
        raise DataError(faults)


def check_heldout(student: Student | None, heldout: Records | None) -> None:
    """See that a student of which nothing but its evaluation is wanted can be evaluated.

    Raises:
        ConfigError: there are no held-out examples.
    """
    if isinstance(student, Endpoint) and heldout is None:
        hint = 'heldout.path=FILE.jsonl with {"question": …, "reference_answer": …} on each line'
        want = "real held-out examples: student=endpoint is evaluated, and nothing else"
        raise ConfigError([Fault("heldout.path", want, "nothing", hint)])


def check_questions(student: Student | None, table: pl.DataFrame, heldout: Records | None) -> None:
    """See that a student that reads numbers finds them in every question.

    Raises:
        UserError: a question holds something else, or another number of them.
        ExtraMissingError: the student cannot be trained without a package that is missing.
    """
    if not isinstance(student, SoftTargets):
        return
    width = student.check_questions(table["question"].to_list(), where="seeds")
    if heldout is not None:
        held = heldout.frame["question"].to_list()
        student.check_questions(held, where="heldout", width=width)


def read_heldout(heldout: Heldout | None) -> Records | None:
    """Return the held-out rows, or `None` where there are none.

    Raises:
        DataError: faults of the file, all at once.
    """
    return None if heldout is None else heldout.read()

"""What stands beside an evaluation and never changes its verdict, put together for any student."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from distill.metrics import Metric, on_items
from distill.models.client import ModelClient
from distill.stages.deepen import break_down
from distill.stages.evaluate import Evaluation, teacher_answers
from distill.stages.marked import human_marks
from distill.stages.several import beside_students
from distill.stages.synthetic import Answer, synthetic_gap
from distill.students import Examples

if TYPE_CHECKING:
    from distill.record import RunRecord


def beyond(
    record: RunRecord,
    evaluation: Evaluation,
    examples: Examples,
    answer: Answer,
    *,
    metrics: Mapping[str, Metric],
    client: ModelClient,
) -> Evaluation:
    """Return the evaluation with parts, marks of humans, synthetic items and further students.

    Args:
        record: With its held-out rows; without any the evaluation stays as it is.
        evaluation: Of the delivered student.
        examples: The run's dataset.
        answer: The delivered student's answers to questions.
        metrics: Of answers to the held-out items.
        client: For all models that are asked.
    """
    plan = record.plan
    if record.heldout is None:
        return evaluation
    heldout = record.heldout.frame
    evaluation = break_down(evaluation, heldout, task=plan.task, seed=plan.seed)
    if record.marks is not None:
        marks = human_marks(evaluation, record.marks, heldout, right_from=plan.calibrate.right_from)
        evaluation = replace(evaluation, human=marks)
    if record.synthetic is not None:
        teacher = partial(
            teacher_answers, record.table, task=plan.task, teacher=plan.teacher, client=client
        )
        gap = synthetic_gap(
            evaluation,
            record.synthetic.frame,
            record.table,
            heldout,
            answer=answer,
            teacher=teacher if plan.evaluate.teacher else None,
            metrics=partial(on_items, plan.metrics, client=client),
            seed=plan.seed,
        )
        evaluation = replace(evaluation, synthetic=gap)
    return beside_students(
        evaluation,
        plan.students,
        examples,
        heldout,
        task=plan.task,
        client=client,
        metrics=metrics,
        seed=plan.seed,
    )

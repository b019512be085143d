"""What a run's training set is worth: train on it, then evaluate on real held-out examples."""

from __future__ import annotations

from functools import partial

from distill.metrics import on_items
from distill.models.client import ModelClient
from distill.record import RunRecord, heldout_of
from distill.stages.beyond import beyond
from distill.stages.contrast import real_references
from distill.stages.deepen import train_again
from distill.stages.evaluate import evaluate
from distill.stages.evaluate_endpoint import endpoint_answers, evaluate_endpoint
from distill.stages.measure import measure
from distill.stages.refit import refit_of
from distill.stages.train import dataset_examples, train
from distill.students import Endpoint, Examples, Tuned
from distill.table import is_in


def prove(record: RunRecord, client: ModelClient) -> None:
    """Find out what the training set is worth: train, evaluate, measure."""
    plan = record.plan
    with record.timed("measure"):
        dataset = record.table.filter(is_in())
        references = real_references(record.table, heldout_of(record), plan.task.varied)
        measured = measure(
            dataset,
            plan.diversity,
            column=plan.task.varied,
            references=references.texts["text"].to_list(),
        )
        record.diversity, record.diversity_absent = measured.figures, measured.absent
    if plan.student is None:
        return
    examples = dataset_examples(record.table, plan.task)
    if isinstance(plan.student, Endpoint):
        evaluate_outside(record, plan.student, examples, client)
        return
    with record.timed("train"):
        record.trained = train(plan.student, examples, seed=plan.seed)
    if record.heldout is None:
        return
    again = plan.evaluate.tuned or not isinstance(plan.student, Tuned)
    metrics = on_items(plan.metrics, record.heldout.frame["question"].to_list(), client)
    with record.timed("evaluate"):
        evaluation = evaluate(
            record.trained,
            examples,
            record.table,
            record.heldout.frame,
            task=plan.task,
            student=plan.student,
            teacher=plan.teacher if plan.evaluate.teacher else None,
            client=client,
            metrics=metrics,
            seed=plan.seed,
            controls=plan.evaluate.controls,
            again=again,
        )
        evaluation = beyond(
            record, evaluation, examples, record.trained.answer, metrics=metrics, client=client
        )
        record.evaluation = train_again(
            evaluation,
            refit_of(plan.student, examples, record.heldout.frame, metrics, seed=plan.seed),
            curve=plan.evaluate.curve if again else (),
            seeds=plan.evaluate.seeds,
        )


def evaluate_outside(
    record: RunRecord, student: Endpoint, examples: Examples, client: ModelClient
) -> None:
    """Ask a student that was trained elsewhere."""
    plan, heldout = record.plan, heldout_of(record)
    if heldout is None:
        return
    metrics = on_items(plan.metrics, heldout["question"].to_list(), client)
    with record.timed("evaluate"):
        evaluation = evaluate_endpoint(
            student,
            examples,
            record.table,
            heldout,
            task=plan.task,
            teacher=plan.teacher if plan.evaluate.teacher else None,
            client=client,
            metrics=metrics,
            seed=plan.seed,
        )
        answer = partial(endpoint_answers, student, task=plan.task, client=client)
        record.evaluation = beyond(
            record, evaluation, examples, answer, metrics=metrics, client=client
        )

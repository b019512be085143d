"""Faults of a config that no part can see alone: what does not go together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from distill.errors import Fault, shown
from distill.filters import OverSamples
from distill.metrics import ItemMetric
from distill.models import Model
from distill.models.prices import price_of
from distill.students import Dpo, Endpoint, StepByStep, Student
from distill.tasks import Task


def faults_across(
    one: Mapping[str, Any],
    named: Mapping[str, Mapping[str, Any]],
    settings: Mapping[str, Any],
) -> Iterable[Fault]:
    """Yield the faults that no part can see alone.

    Args:
        one: Parts by slot; `None` where the slot is off.
        named: Parts by group and name.
        settings: Plain settings by section.
    """
    task, judge, teacher = one["task"], one["judge"], one["teacher"]
    kind = type(judge).__name__
    if kind == "Confidence" and task.name != "classify":
        yield Fault("judge", f"a judge for task={task.name}", "confidence", "judge=rubric")
    if kind in {"Rubric", "Pairwise"} and task.name == "classify":
        yield Fault("judge", "a judge for task=classify", kind.lower(), "judge=confidence")
    if kind in {"Agreement", "Pairwise"} and teacher.samples < 2:
        hint = "teacher.samples=5, and a temperature or seed that makes samples differ"
        want = f"2 or more for judge={kind.lower()}"
        yield Fault("teacher.samples", want, shown(teacher.samples), hint)
    for name, one_filter in named["filter"].items():
        if isinstance(one_filter, OverSamples) and task.rows_per_seed(teacher) < 2:
            yield _needs_samples(name, task, teacher)
    if type(one["export"]).__name__ == "Preference":
        if kind != "Pairwise":
            got = kind.lower() if judge else "none"
            yield Fault("judge", "pairwise for export=preference", got, "judge=pairwise")
        if one["seeds"].real_labels != 0:
            hint = "a human's answer has no rejected one beside it: seeds.real_labels=0"
            got = shown(one["seeds"].real_labels)
            yield Fault("seeds.real_labels", "0 for export=preference", got, hint)
    if settings["budget"].max_usd is not None:
        models = {
            "teacher.model": teacher,
            "judge.model": judge.endpoint if judge else None,
            "augment.via.model": one["augment"].via if one["augment"] else None,
            **{f"student.{key}.model": m for key, m in _asked(one["student"]).items()},
        }
        for key, model in models.items():
            if model is not None and price_of(model.provider, model.model) is None:
                yield Fault(
                    "budget.max_usd",
                    f"null, as the price of {key} {model.model} is not known",
                    shown(settings["budget"].max_usd),
                    hint="add the price to conf/prices.yaml",
                )
    headline = next(iter(named["metric"].items()), None)
    if headline is None or not isinstance(headline[1], ItemMetric):
        hint = "metric=classify, math or qa"
        got = "nothing" if headline is None else shown(headline[0])
        yield Fault("metric", "a first metric that scores items one by one", got, hint)
    student = one["student"]
    scoring = {"teacher": teacher}
    if isinstance(student, Endpoint) and student.ask == "task":
        scoring |= {f"student.{key}": model for key, model in student.models.items()}
    for where, model in scoring.items():
        if task.name == "classify" and getattr(model, "label_logprobs", None) == "first_token":
            alike = task.begin_alike()
            if alike:
                yield Fault(
                    "task.labels",
                    f"labels that differ in their first word for {where}.label_logprobs="
                    "first_token",
                    shown(alike),
                    hint="task.letters=true scores letters in their place, "
                    "'task.reply=\"{label}\"' puts no words before them, "
                    f"{where}.label_logprobs=none takes votes",
                )
    if student is not None and task.name not in student.tasks:
        want = f"a student for task={task.name}"
        yield Fault("student", want, shown(type(student).__name__), "student=none")
    elif isinstance(student, StepByStep) and task.name == "qa" and task.answer_marker is None:
        want = "a text between rationale and answer for student=step_by_step"
        hint = "ask for both in task.prompt, and name what stands between: task.answer_marker=TEXT"
        yield Fault("task.answer_marker", want, "null", hint)
    elif isinstance(student, Dpo) and kind != "Pairwise":
        got = kind.lower() if judge else "none"
        hint = "judge=pairwise teacher.samples=4 compares answers to one question"
        yield Fault("judge", "pairwise for student=dpo", got, hint)


def _asked(student: Student | None) -> Mapping[str, Model]:
    """Return the models that a student of another place asks, by its key."""
    return student.models if isinstance(student, Endpoint) else {}


def _needs_samples(name: str, task: Task, teacher: Model) -> Fault:
    """Say why a filter that compares samples has none."""
    if teacher.samples > 1:
        want = "a task whose samples are rows of their own, math or qa"
        return Fault(f"filter.{name}", want, f"task={task.name}", f"~filter.{name}")
    hint = "teacher.samples=5, and a temperature or seed that makes samples differ"
    return Fault("teacher.samples", f"2 or more for filter.{name}", shown(teacher.samples), hint)

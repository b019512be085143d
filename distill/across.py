"""Faults of a config that no part can see alone: what does not go together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from distill.errors import Fault, shown
from distill.filters import OverSamples
from distill.metrics import AskingMetric, ItemMetric
from distill.models import Model
from distill.models.prices import price_of
from distill.students import Dpo, Endpoint, StepByStep, Student
from distill.tasks import Task

# Arms that a run makes itself.
ARMS = frozenset(
    {"majority", "real_only", "distilled_only", "self_trained", "unfiltered", "random_same_size",
     "teacher", "distilled", "real_and_distilled", "base", "endpoint"}
)  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def models_of(students: Mapping[str, Student]) -> dict[str, Model]:
    """Return the models that further students ask, by the key that configures each."""
    return {
        f"students.{name}.via": student.via
        for name, student in students.items()
        if isinstance(student, Endpoint)
    }


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
            **{f"{key}.model": m for key, m in models_of(named["students"]).items()},
            **{f"metric.{name}.model": m.endpoint for name, m in _asking(named).items()},
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
    if headline is None or not isinstance(headline[1], ItemMetric | AskingMetric):
        hint = "metric=classify, math or qa"
        got = "nothing" if headline is None else shown(headline[0])
        yield Fault("metric", "a first metric that scores items one by one", got, hint)
    if task.name == "classify":
        for name in _asking(named):
            hint = "labels are compared by rule: metric=classify"
            yield Fault(f"metric.{name}", "a metric for task=classify", name, hint)
    synthetic, real = settings["evaluate"].synthetic_heldout, one["heldout"]
    if synthetic is not None and (real is None or getattr(real, "path", "") is None):
        hint = "a gap is the distance to real held-out items: heldout.path=FILE.jsonl"
        want = "null without real held-out items"
        yield Fault("evaluate.synthetic_heldout", want, shown(synthetic), hint)
    student = one["student"]
    scoring = {"teacher": teacher}
    if isinstance(student, Endpoint) and student.ask == "task":
        scoring |= {f"student.{key}": model for key, model in student.models.items()}
    scoring |= {
        f"students.{name}.via": other.via
        for name, other in named["students"].items()
        if isinstance(other, Endpoint) and other.ask == "task"
    }
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
    yield from _students(named["students"], student, task)
    if student is not None and task.name not in student.tasks:
        want = f"a student for task={task.name}"
        yield Fault("student", want, shown(type(student).__name__), "student=none")
    for key, other in {"student": student, **_keyed(named["students"])}.items():
        yield from _lacks(key, other, task, judge)


def _keyed(further: Mapping[str, Student]) -> dict[str, Student]:
    return {f"students.{name}": student for name, student in further.items()}


def _lacks(key: str, student: Student | None, task: Task, judge: Any) -> Iterable[Fault]:
    """Yield what a student that learns from more than answers would look for in vain."""
    if isinstance(student, StepByStep) and getattr(task, "answer_marker", "") is None:
        want = f"a text between rationale and answer for {key}=step_by_step"
        hint = "ask for both in task.prompt, and name what stands between: task.answer_marker=TEXT"
        yield Fault("task.answer_marker", want, "null", hint)
    if isinstance(student, Dpo) and type(judge).__name__ != "Pairwise":
        got = type(judge).__name__.lower() if judge else "none"
        hint = "judge=pairwise teacher.samples=4 compares answers to one question"
        yield Fault("judge", f"pairwise for {key}=dpo", got, hint)


def _students(
    further: Mapping[str, Student], student: Student | None, task: Task
) -> Iterable[Fault]:
    """Yield the faults of further students."""
    for name, other in further.items():
        key = f"students.{name}"
        if student is None:
            yield Fault(key, "nothing with student=none", name, "student=CHOICE is the first one")
        if name in ARMS or not _NAME.fullmatch(name):
            want = "a name of letters, digits, _ and - that is no arm's"
            yield Fault(key, want, shown(name))
        if task.name not in other.tasks:
            yield Fault(key, f"a student for task={task.name}", shown(type(other).__name__))
        if isinstance(other, Endpoint) and other.base is not None:
            hint = f"a student of its own: student@students.NAME={type(other).__name__.lower()}"
            yield Fault(f"{key}.base", "null", "a model", hint)


def _asked(student: Student | None) -> Mapping[str, Model]:
    """Return the models that a student of another place asks, by its key."""
    return student.models if isinstance(student, Endpoint) else {}


def _asking(named: Mapping[str, Mapping[str, Any]]) -> Mapping[str, AskingMetric]:
    """Return the metrics that ask a model."""
    return {name: m for name, m in named["metric"].items() if isinstance(m, AskingMetric)}


def _needs_samples(name: str, task: Task, teacher: Model) -> Fault:
    """Say why a filter that compares samples has none."""
    if teacher.samples > 1:
        want = "a task whose samples are rows of their own, math or qa"
        return Fault(f"filter.{name}", want, f"task={task.name}", f"~filter.{name}")
    hint = "teacher.samples=5, and a temperature or seed that makes samples differ"
    return Fault("teacher.samples", f"2 or more for filter.{name}", shown(teacher.samples), hint)

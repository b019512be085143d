"""What a model that marks held-out answers made of them, in words; and what speaks against it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from distill.judge_calibration import LEAST_KAPPA
from distill.record import RunRecord
from distill.report.facts import Manifest
from distill.report.wording import counted, interval, listed, one_line, percent

FEW_MARKS = 20
MODEL_CHARS = 60


def mark_sentences(manifest: Manifest) -> list[str]:
    """Say who marked the answers, and what humans make of the marks."""
    spent, figures = manifest.get("metric_judge"), manifest.get("eval")
    if spent is None or figures is None:
        return []
    served = listed([one_line(name, MODEL_CHARS) for name in spent["served"]]) or "no model"
    asked = one_line(spent["model"], MODEL_CHARS)
    who = f"Answers are marked by a model, {asked} (served: {served}), beside the reference."
    return [who, *_human(figures.get("human"))]


def mark_doubts(record: RunRecord, manifest: Manifest) -> Iterator[str]:
    """Doubt marks that no human has looked at, that a relation gave, or that are not there."""
    figures = manifest.get("eval")
    if figures is None or not record.plan.markers:
        return
    human = figures.get("human", {"labelled": 0})
    if human["labelled"] < FEW_MARKS:
        beside = f" but {human['labelled']}" if human["labelled"] else ""
        yield (
            "The marks of the held-out answers are not calibrated: no human has marked any of the "
            f"student's answers{beside} (metric.judged.human)."
        )
    else:
        yield from _contradicted(human)
    for name, arm in figures["arms"].items():
        if arm.get("unscored"):
            yield (
                f"{counted(arm['unscored'], 'held-out answer')} of {name} got no mark, and count "
                "as wrong."
            )
    judge = None if record.plan.judge is None else record.plan.judge.endpoint
    for marker in record.plan.markers.values():
        if judge is not None and judge.model == marker.model:
            yield (
                f"{one_line(marker.model, MODEL_CHARS)} chose the rows and marks the student too: "
                "it may favour what it let through."
            )


def _contradicted(found: Mapping[str, Any]) -> Iterator[str]:
    """Doubt marks that humans do not share."""
    made = found.get("corrected") or found["human_only"]
    judged, kappa = found["naive"]["accuracy"], found.get("kappa")
    if not made["low"] <= judged <= made["high"]:
        yield (
            f"Humans contradict the marks: corrected by theirs the student scores "
            f"{percent(made['accuracy'])} (95% interval {interval(made['low'], made['high'])}), "
            f"not the {percent(judged)} that the verdict counts."
        )
    # Where both find all answers right, kappa is undefined and nothing speaks against the judge.
    elif kappa is not None and kappa["value"] < LEAST_KAPPA:
        yield (
            f"Judge and humans agree too little on the marks: kappa is {kappa['value']:.2f}, and "
            f"{LEAST_KAPPA:g} is wanted."
        )


def _human(found: Mapping[str, Any] | None) -> Iterator[str]:
    if found is None:
        return
    corrected = found.get("corrected") or found.get("human_only")
    if corrected is None:
        yield "The file of human marks has fewer than two answers of this student."
        return
    kappa = found.get("kappa")
    agreement = (
        "kappa undefined"
        if kappa is None
        else f"kappa {kappa['value']:.2f}, 95% interval {kappa['low']:.2f} to {kappa['high']:.2f}"
    )
    yield (
        f"Corrected by {counted(found['labelled'], 'human mark')} the student scores "
        f"{percent(corrected['accuracy'])} (95% interval "
        f"{interval(corrected['low'], corrected['high'])}), where the judge alone says "
        f"{percent(found['naive']['accuracy'])}; judge and humans agree with {agreement}. That "
        "holds if the answers for humans were drawn at random."
    )

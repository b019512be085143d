"""The arms of an evaluation as terminal, card, page and pictures show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from distill.report.facts import Manifest
from distill.stages.arms import RANDOM_SAME_SIZE, UNFILTERED
from distill.stages.evaluate import (
    BASE,
    DISTILLED,
    DISTILLED_ONLY,
    MAJORITY,
    REAL_ONLY,
    SELF_TRAINED,
    STUDENT,
    TEACHER_ITSELF,
)
from distill.stages.evaluate_endpoint import ENDPOINT

ARM_MEANINGS = {
    MAJORITY: "always the commonest label",
    REAL_ONLY: "the same student on the real examples alone",
    DISTILLED_ONLY: "the same student on the teacher's answers alone",
    SELF_TRAINED: "naive Bayes that labels the same texts itself, without a teacher",
    UNFILTERED: "the same student on every answer, those that fell out too",
    RANDOM_SAME_SIZE: "the same student on as many answers, drawn blindly",
    TEACHER_ITSELF: "the teacher itself",
    STUDENT: "what this run delivers",
    DISTILLED: "what this run delivers",
    BASE: "the same model before its training",
    ENDPOINT: "the endpoint's model, trained elsewhere",
}


@dataclass(frozen=True, kw_only=True)
class ArmLine:
    """One arm of the evaluation.

    Args:
        name: As in `manifest.json`.
        meaning: What it is, in a few words.
        role: `student`, `baseline` or `control`.
        examples: Training examples, or `None` where nothing was trained.
        value: Mean score, in [0, 1].
        low: Lower limit of its 95 % interval.
        high: Upper limit.
    """

    name: str
    meaning: str
    role: str
    examples: int | None
    value: float
    low: float
    high: float


def arm_lines(manifest: Manifest) -> list[ArmLine]:
    """Return the arms, weakest control first; none without an evaluation."""
    figures = manifest.get("eval")
    if figures is None:
        return []
    return [
        ArmLine(
            name=name,
            meaning=ARM_MEANINGS.get(name, "") or _further(name, figures),
            role=_role(name, figures),
            examples=arm.get("examples"),
            value=arm["accuracy"],
            low=arm["low"],
            high=arm["high"],
        )
        for name, arm in figures["arms"].items()
    ]


def _further(name: str, figures: Mapping[str, Any]) -> str:
    """Say of a further student what it is."""
    return "a further student" if name in figures.get("students", {}).get("names", ()) else ""


def _role(name: str, figures: Mapping[str, Any]) -> str:
    if name == figures["arm"]:
        return "student"
    return "baseline" if name == figures["baseline"] else "control"


def has_control(manifest: Manifest) -> bool:
    """Say whether the student was compared with anything but itself."""
    figures = manifest.get("eval")
    return figures is not None and figures["arm"] != figures["baseline"]

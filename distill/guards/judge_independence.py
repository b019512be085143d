"""A judge that is the teacher grades its own work."""

from __future__ import annotations

from typing import ClassVar

from distill.component import component
from distill.guards.finding import Evidence, Finding, Mode, When


@component
class JudgeIndependence:
    """Fire when teacher and judge are the same model.

    Args:
        mode: `error`, `warn` or `off`.
    """

    when: ClassVar[When] = "before"
    mode: Mode

    def look(self, evidence: Evidence) -> Finding:
        """Compare the two model ids."""
        teacher, judge = evidence.teacher, evidence.judge
        if judge is None:
            return Finding(fires=False, sentence="No model judges.", untold="idle")
        if _weights_of(judge) != _weights_of(teacher):
            return Finding(
                fires=False, sentence=f"{judge.model} judges the answers of {teacher.model}."
            )
        return Finding(
            fires=True,
            sentence=f"judge.model and teacher.model are both {teacher.model!r}: "
            "a model that grades its own answers shares their mistakes.",
            hint="choose another judge.model, best of another vendor",
        )


def _weights_of(model: object) -> tuple[str, str]:
    """Name the weights behind a model: an alias and its pin are the same."""
    from distill.models.pins import KNOWN_PINS

    name = str(getattr(model, "model", ""))
    return str(getattr(model, "provider", "")), KNOWN_PINS.get(name, name)

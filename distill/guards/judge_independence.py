"""A judge that is the teacher grades its own work."""

from __future__ import annotations

from typing import ClassVar

from distill.component import component
from distill.guards.finding import Evidence, Finding, Mode, When


@component
class JudgeIndependence:
    """Fire when teacher and judge, of rows or of held-out answers, are the same model.

    Args:
        mode: `error`, `warn` or `off`.
    """

    when: ClassVar[When] = "before"
    mode: Mode

    def look(self, evidence: Evidence) -> Finding:
        """Compare the teacher's model id with those of the judges, of held-out answers too."""
        teacher = evidence.teacher
        judges = {} if evidence.judge is None else {"judge": evidence.judge}
        judges |= {f"metric.{name}": model for name, model in evidence.markers.items()}
        if not judges:
            return Finding(fires=False, sentence="No model judges.", untold="idle")
        own = _weights_of(teacher)
        same = [f"{key}.model" for key, model in judges.items() if _weights_of(model) == own]
        if not same:
            names = " and ".join(dict.fromkeys(model.model for model in judges.values()))
            return Finding(fires=False, sentence=f"{names} judges the answers of {teacher.model}.")
        both = "both" if len(same) == 1 else "all"
        return Finding(
            fires=True,
            sentence=f"{', '.join(same)} and teacher.model are {both} {teacher.model!r}: "
            "a model that grades its own answers shares their mistakes.",
            hint=f"choose another {same[0]}, best of another vendor",
        )


def _weights_of(model: object) -> tuple[str, str]:
    """Name the weights behind a model: an alias and its pin are the same."""
    from distill.models.pins import KNOWN_PINS

    name = str(getattr(model, "model", ""))
    return str(getattr(model, "provider", "")), KNOWN_PINS.get(name, name)

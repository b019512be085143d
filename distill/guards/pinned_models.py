"""A model id that the provider may move makes a run impossible to repeat."""

from __future__ import annotations

from typing import ClassVar

from distill.component import component
from distill.guards.finding import Evidence, Finding, Mode, When
from distill.models.pins import unpinned


@component
class PinnedModels:
    """Fire when a model that the run asks is named by an alias and `allow_alias` is not set.

    Args:
        mode: `error`, `warn` or `off`.
    """

    when: ClassVar[When] = "before"
    mode: Mode

    def look(self, evidence: Evidence) -> Finding:
        """Look at all ids."""
        roles = {
            "teacher": evidence.teacher,
            "judge": evidence.judge,
            "augment.via": evidence.augment,
            **{f"student.{key}": model for key, model in evidence.students.items()},
            **evidence.others,
            **{f"metric.{name}.via": model for name, model in evidence.markers.items()},
        }
        loose = {
            role: (model.model, *why)
            for role, model in roles.items()
            if model is not None
            and not getattr(model, "allow_alias", False)
            and (why := unpinned(model)) is not None
        }
        if not loose:
            return Finding(fires=False, sentence="Every model id is a pin.")
        rows = tuple(
            f"{role}.model: got {name!r}, {why}." for role, (name, why, _) in loose.items()
        )
        mend = "; ".join(
            f"{role}: {mend}, or set {_allow(role)}" for role, (_, _, mend) in loose.items()
        )
        return Finding(fires=True, sentence="A model is not pinned.", rows=rows, hint=mend)


def _allow(role: str) -> str:
    return f"{'judge.via' if role == 'judge' else role}.allow_alias=true"

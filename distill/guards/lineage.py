"""Models that were tuned from the same weights share their blind spots."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from itertools import combinations
from typing import Any, ClassVar

import yaml

from distill.component import Text, component
from distill.guards.finding import Evidence, Finding, Mode, When
from distill.models.pins import KNOWN_PINS
from distill.paths import conf_dir

TEACHER = "teacher.model"
JUDGE = "judge.model"
MARKER = "metric."  # a judge of held-out answers


@dataclass(frozen=True, kw_only=True)
class Family:
    """Where a model comes from, out of `conf/lineage.yaml`.

    Args:
        base: The weights that it was tuned from; `None` where the vendor does not say.
        vendor: Who made it.
        source: Where that is documented.
        read: Whether the row was compared with what its source says.
    """

    base: str | None
    vendor: str
    source: str
    read: bool


@component
class Lineage:
    """Fire when two of teacher, judges and student's base have the same base or vendor.

    The same base stops the run in mode `error`. The same vendor alone is a warning at most: what it
    shares between its models is not known. A model that `conf/lineage.yaml` does not list is
    unknown. That a judge is the teacher itself is for `judge_independence`.

    Args:
        mode: `error`, `warn` or `off`.
        student_base: Model id that the student is tuned from, where the student itself does not say
            so; `None` where there is none.

    Note:
        A student that is tuned from its teacher's own base is a way to distil; set the mode to
        `warn` where that is meant.
    """

    when: ClassVar[When] = "before"
    mode: Mode
    student_base: Text | None

    def look(self, evidence: Evidence) -> Finding:
        """Compare each two of the roles that have a model."""
        ids = self._ids(evidence)
        if len(ids) == 1:
            return Finding(
                fires=False, sentence="There is no second model to compare with.", untold="idle"
            )
        same_base: list[str] = []
        same_vendor: list[str] = []
        unknown = [
            f"the lineage of {key} {name} is unknown"
            for key, name in ids.items()
            if family_of(name) is None
        ]
        unsure = [*unknown]
        for (one, a), (two, b) in combinations(ids.items(), 2):
            left, right = family_of(a), family_of(b)
            pair = f"{one} {a} and {two} {b}"
            if JUDGE in (one, two) and (one.startswith(MARKER) or two.startswith(MARKER)):
                continue  # two judges may be alike
            if _pinned(a) == _pinned(b):
                alike = f"{pair} are the same model"
                by_itself = one == TEACHER and (two == JUDGE or two.startswith(MARKER))
                (unsure if by_itself else same_base).append(alike)
            elif left is None or right is None:
                continue
            elif left.base is not None and left.base == right.base:
                same_base.append(f"{pair} have the same base, {left.base}")
            elif left.vendor == right.vendor:
                same_vendor.append(f"{pair} are of the same vendor, {left.vendor}")
        if same_base or same_vendor:
            what = "come from the same weights" if same_base else "are of the same vendor"
            return Finding(
                fires=True,
                sentence=f"Models that should differ {what}.",
                rows=(*same_base, *same_vendor, *unsure),
                hint="choose models of different bases, best of different vendors, or set "
                "guard.lineage.mode=warn where it is meant"
                if same_base
                else "best is a judge, and a student, of another vendor than the teacher's",
                mild=not same_base,
            )
        said = "; ".join(unsure) or "No two models share a base or a vendor"
        return Finding(
            fires=False,
            sentence=f"{said[0].upper()}{said[1:]}.",
            untold="unsure" if unknown else None,
        )

    def _ids(self, evidence: Evidence) -> dict[str, str]:
        """Return the model id of each role that has one, by the key that names it."""
        ids = {TEACHER: evidence.teacher.model}
        if evidence.judge is not None:
            ids[JUDGE] = evidence.judge.model
        ids |= {f"{MARKER}{name}.model": m.model for name, m in evidence.markers.items()}
        if evidence.student_base is not None:
            ids["student.base"] = evidence.student_base
        elif self.student_base is not None:
            ids["guard.lineage.student_base"] = self.student_base
        return ids


def family_of(model: str) -> Family | None:
    """Return the family of a model id; `None` where it is not known.

    Args:
        model: As the endpoint knows it; an owner before the last `/` does not count.
    """
    name = _name(model)
    return next((f for pattern, f in _families().items() if fnmatchcase(name, pattern)), None)


def _name(model: str) -> str:
    return model.rpartition("/")[2].lower()


def _pinned(model: str) -> str:
    return KNOWN_PINS.get(_name(model), _name(model))


@cache
def _families() -> dict[str, Family]:
    text = (conf_dir() / "lineage.yaml").read_text(encoding="utf-8")
    families: dict[str, Any] = yaml.safe_load(text)["families"]
    return {pattern: Family(**entry) for pattern, entry in families.items()}

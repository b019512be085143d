"""What a guard looks at and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, Protocol, runtime_checkable

import polars as pl
from pydantic import BeforeValidator

from distill.diversity.contrast import Contrast
from distill.judges.watch import Watch
from distill.models.protocol import Model


def _yaml_off(mode: Any) -> Any:
    """YAML reads a bare `off` as false."""
    return "off" if mode is False else mode


Mode = Annotated[Literal["error", "warn", "off"], BeforeValidator(_yaml_off)]
Moment = Literal["before", "after"]
When = Literal["before", "after", "twice"]
Untold = Literal["unsure", "idle"]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is known when the guards look.

    Args:
        teacher: Who answers.
        judge: Who judges, or `None` where no model does.
        table: The one table: seeds before anything is spent, all columns at the end.
        heldout: Held-out rows (`id`, `question`, `reference`, `origin`), or `None`.
        augment: Who writes new questions, or `None` where nobody or the teacher does.
        watch: What the judge made of known-bad answers, or `None` where it was shown none.
        contrasts: The finished dataset's variety beside that of others; none before.
        student_base: Id of the model that the student is tuned from, or `None`.
        students: The models that a student of another place asks, by its key.
        others: The models that further students ask, by the key that configures each.
        markers: The models that mark held-out answers, by the metric's name.
    """

    teacher: Model
    judge: Model | None
    table: pl.DataFrame
    heldout: pl.DataFrame | None
    augment: Model | None = None
    watch: Watch | None = None
    contrasts: tuple[Contrast, ...] = ()
    student_base: str | None = None
    students: Mapping[str, Model] = field(default_factory=dict)
    markers: Mapping[str, Model] = field(default_factory=dict)
    others: Mapping[str, Model] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one guard found.

    Args:
        fires: Whether the failure mode is there.
        sentence: What was found, in one sentence.
        rows: Evidence, one line a row; empty where it is not about rows.
        hint: How to mend it, or `None`.
        mild: Whether it is a warning at most, in mode `error` too.
        untold: Why it says nothing either way: `unsure` where what there is does not suffice to
            tell, `idle` where there is nothing to look at; `None` where it could tell.
        review: Rows that a human should look at (`REVIEW_COLUMNS`), whether it fires or not;
            `None` for none.
    """

    fires: bool
    sentence: str
    rows: tuple[str, ...] = ()
    hint: str | None = None
    mild: bool = False
    untold: Untold | None = None
    review: pl.DataFrame | None = field(default=None, compare=False)


@runtime_checkable
class Guard(Protocol):
    """One failure mode.

    `when` is `before` for a guard that looks before anything is spent, `after` for one that looks
    at the finished dataset, and `twice` for one that looks at both moments.
    """

    when: ClassVar[When]
    mode: Mode

    def look(self, evidence: Evidence) -> Finding:
        """Say whether the failure mode is there."""

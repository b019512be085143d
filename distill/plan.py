"""A run, built: every part of it as an object, and the plain settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from distill.component import NonNegativeFloat, Text, component
from distill.config import Config
from distill.diversity import DiversityMetric
from distill.exports import Export
from distill.filters import Filter
from distill.guards import Guard
from distill.heldout import Heldout
from distill.judges import Judge
from distill.metrics import Metric
from distill.models import Model
from distill.seeds import Seeds
from distill.selectors import Selector
from distill.students import Student
from distill.tasks import Task
from distill.tracking import Tracking


@component
class LedgerSettings:
    """`ledger`: where responses are kept.

    Args:
        url: A path (SQLite) or a SQLAlchemy URL.
        synchronous: SQLite's durability setting.
    """

    url: Text
    synchronous: Literal["FULL", "NORMAL"]


@component
class PathSettings:
    """`paths`: where a run leaves things.

    Args:
        out: The run's folder.
    """

    out: Text


@component
class BudgetSettings:
    """`budget`: the hard cap.

    Args:
        max_usd: Dollars over teacher and judge, >= 0, or `None` for no cap.
    """

    max_usd: NonNegativeFloat | None


@component
class EngineSettings:
    """`engine`: where stages run.

    Args:
        name: `local`, this process.
    """

    name: Literal["local"]


@component
class EvaluateSettings:
    """`evaluate`: what stands beside the student.

    Args:
        teacher: Whether the teacher answers the held-out questions too, as an arm of its own.
    """

    teacher: bool


@component
class DriftSettings:
    """`drift`: the canaries that a run leaves for `distill drift`.

    Args:
        questions: Seeds that are canaries, in [0, 1000]; fewer where there are fewer; 0 is none.
        samples: Replies asked for each, in [2, 100].
    """

    questions: Annotated[int, Field(ge=0, le=1000, description="a whole number from 0 to 1000")]
    samples: Annotated[int, Field(ge=2, le=100, description="a whole number from 2 to 100")]


@component
class BaselineSettings:
    """`baseline`: an earlier run that the dataset's variety is compared with.

    Args:
        run: Its folder, id or name, or `None`.
    """

    run: Annotated[Text | None, Field(description="a run's folder, id or name, or null")]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that a run needs, validated; nothing has been read, started or paid yet.

    `None` or an empty mapping is a group that is off.
    """

    config: Config
    seed: int
    task: Task
    seeds: Seeds
    heldout: Heldout | None
    teacher: Model
    filters: Mapping[str, Filter]
    judge: Judge | None
    select: Selector
    export: Export
    student: Student | None
    metrics: Mapping[str, Metric]
    diversity: Mapping[str, DiversityMetric]
    guards: Mapping[str, Guard]
    evaluate: EvaluateSettings
    drift: DriftSettings
    baseline: BaselineSettings
    budget: BudgetSettings
    ledger: LedgerSettings
    tracking: Tracking
    engine: EngineSettings
    paths: PathSettings

    @property
    def out(self) -> Path:
        """The run's folder."""
        return Path(self.paths.out).expanduser()

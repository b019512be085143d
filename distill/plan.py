"""A run, built: every part of it as an object, and the plain settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, Strict

from distill.augmenters import Augmenter
from distill.collapse.regimes import Regime
from distill.component import (
    NonNegativeFloat,
    Positive,
    PositiveFloat,
    Share,
    Text,
    component,
)
from distill.config import Config
from distill.diversity import DiversityMetric
from distill.exports import Export
from distill.filters import Filter
from distill.guards import Guard
from distill.handovers import Handover
from distill.heldout import Heldout
from distill.judges import Judge
from distill.metrics import AskingMetric, Metric
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
        max_usd: Dollars that one run may pay for all its models together, >= 0, or `None` for no
            cap. What earlier runs paid for is in the ledger and not counted.
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
        controls: Whether the student is trained twice more: on what fell out too, and on a blind
            draw of as many answers.
        tuned: Whether a language model is trained for further arms and for the curve, too.
        seeds: Times that the student is trained, each with another seed, in [1, 100].
        curve: Shares of the distilled examples that it is trained on as well, in (0, 1].
        synthetic_heldout: Synthetic held-out items, a file as `heldout.path` takes it, or `None`.
    """

    teacher: bool
    controls: bool
    tuned: bool
    seeds: Annotated[int, Field(ge=1, le=100, description="a whole number from 1 to 100")]
    curve: Annotated[
        tuple[Annotated[float, Field(gt=0, le=1)], ...],
        Strict(False),
        Field(max_length=20, description="a list of at most 20 shares above 0, up to 1"),
    ]
    synthetic_heldout: Text | None


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
class CollapseSettings:
    """`collapse`: how generations learn from each other in `distill collapse`.

    Args:
        regimes: Any of `replace`, `keep`, `accumulate`.
        share: Of real data that stays in each generation under `keep`.
        generations: After the one that learns from real data, in [1, 100].
        repeats: Chains a regime, in [1, 100].
        column: `question` or `reference`: the real texts of an n-gram model.
        documents: Of these, those that each generation learns from and writes; `None` is all.
        order: Words of an n-gram, in [2, 4].
        temperature: Of an n-gram model's draws.
        tokens: Words that distinct-2 is measured in.
    """

    regimes: Annotated[
        tuple[Literal["replace", "keep", "accumulate"], ...],
        Strict(False),
        Field(min_length=1, description="a list of replace, keep and accumulate"),
    ]
    share: Share
    generations: Annotated[int, Field(ge=1, le=100, description="a whole number from 1 to 100")]
    repeats: Annotated[int, Field(ge=1, le=100, description="a whole number from 1 to 100")]
    column: Literal["question", "reference"]
    documents: (
        Annotated[int, Field(ge=20, description="a whole number of 20 or more, or null")] | None
    )
    order: Annotated[int, Field(ge=2, le=4, description="a whole number from 2 to 4")]
    temperature: PositiveFloat
    tokens: Positive

    def chosen(self) -> list[Regime]:
        """Return the regimes, each once."""
        return [Regime(name=name, share=self.share) for name in dict.fromkeys(self.regimes)]


@component
class CalibrateSettings:
    """`calibrate`: what `distill calibrate` compares the judge with.

    Args:
        path: Labelled answers; `None` takes the file of `heldout.path`.
        run: A run whose judged answers are the unlabelled ones, as `distill compare` names runs.
        right_from: Human score from which an answer is right, in [0, 1].
        precision: Share of right answers among the kept that is wanted, in [0, 1].
        repeats: Further judgements of some answers, in [0, 100]; 0 asks for none.
        repeat_rows: Answers that are judged again, drawn with `seed`, >= 1.
        gate: Whether a judge that is not good enough ends the command with status 1.
    """

    path: Text | None
    run: Text | None
    right_from: Share
    precision: Share
    repeats: Annotated[int, Field(ge=0, le=100, description="a whole number from 0 to 100")]
    repeat_rows: Positive
    gate: bool


@component
class JudgeCalibrationSettings:
    """`judge_calibration`: what is known of the judge.

    Args:
        path: A `calibration.json` of `distill calibrate`, or `None`.
    """

    path: Text | None


@component
class BaselineSettings:
    """`baseline`: an earlier run that the dataset's variety is compared with.

    Args:
        run: Its folder, id or name, or `None`.
    """

    run: Annotated[Text | None, Field(description="a run's folder, id or name, or null")]


@component
class ReportSettings:
    """`report`: what the report shows besides the run.

    Args:
        collapse: What `distill collapse` left, its folder or its `collapse.json`, or `None`.
    """

    collapse: Annotated[Text | None, Field(description="the folder of a distill collapse, or null")]


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
    augment: Augmenter | None
    teacher: Model
    filters: Mapping[str, Filter]
    judge: Judge | None
    select: Selector
    export: Export
    student: Student | None
    students: Mapping[str, Student]
    metrics: Mapping[str, Metric | AskingMetric]
    diversity: Mapping[str, DiversityMetric]
    guards: Mapping[str, Guard]
    handovers: Mapping[str, Handover]
    evaluate: EvaluateSettings
    drift: DriftSettings
    collapse: CollapseSettings
    calibrate: CalibrateSettings
    judge_calibration: JudgeCalibrationSettings
    baseline: BaselineSettings
    report: ReportSettings
    budget: BudgetSettings
    ledger: LedgerSettings
    tracking: Tracking
    engine: EngineSettings
    paths: PathSettings

    @property
    def markers(self) -> dict[str, Model]:
        """The models that mark held-out answers, by the metric's name."""
        return {
            name: metric.endpoint
            for name, metric in self.metrics.items()
            if isinstance(metric, AskingMetric)
        }

    @property
    def out(self) -> Path:
        """The run's folder."""
        return Path(self.paths.out).expanduser()

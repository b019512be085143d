"""What comes of a calibration."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from distill.calibrate.agreement import Confusion, Floats, Kappa
from distill.calibrate.biases import Position, Repeats, SelfPreference, Verbosity
from distill.calibrate.corrected import Accuracy
from distill.calibrate.thresholds import Line, Recommended
from distill.models.budget import Spend
from distill.records import Records
from distill.statistics import Interval


@dataclass(frozen=True, kw_only=True)
class Labels:
    """What a calibration is made from, read and checked.

    Args:
        records: The labelled file, columns `labelled.SCHEMA`.
        run_scores: The judge's scores of a run's answers that nobody has labelled.
        run: The run's id, or `None`.
    """

    records: Records
    run_scores: Floats
    run: str | None


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """A judge beside human labels.

    Args:
        judge: The judge's model, or what kind of judge it is where no model is asked.
        judge_sha256: See `labelled.judge_sha256`.
        threshold: In use, in [0, 1].
        right_from: Human score from which an answer is right.
        precision: Wanted share of right answers among the kept.
        labels: What was compared with.
        rows: Columns of `labelled.SCHEMA`, `score`, `reason`, `kept` and `right`: every row of the
            file, null where there is no label or no score.
        unscored: Labelled answers that the judge gave no score; they are in no other figure.
        confusion: Judge against human at the threshold.
        kappa: Agreement of judge and human, `None` where chance alone explains all of it.
        human_kappa: Agreement of two humans, `None` where no answer has two.
        judge_kappa: Agreement of judge and first human on the answers that have two.
        area: Under the ROC curve; `None` where all answers are right, or all wrong.
        roc: Points of the curve.
        lines: What the candidates for a threshold keep.
        recommended: `None` where none reaches the wanted precision.
        accuracy: The share of right answers, corrected for the judge's errors.
        draw_p: How likely labelled and unlabelled answers would differ as far in what the judge
            keeps, were the labelled drawn at random; `None` without unlabelled ones.
        verbosity: Or why it was not measured.
        self_preference: Or why it was not measured.
        position: Or why it was not measured.
        repeats: Or why it was not measured.
        spend: What the judge cost.
        started_at: UTC, ISO 8601.
    """

    judge: str
    judge_sha256: str
    threshold: float
    right_from: float
    precision: float
    labels: Labels
    rows: pl.DataFrame
    unscored: int
    confusion: Confusion
    kappa: Kappa | None
    human_kappa: Kappa | None
    judge_kappa: Kappa | None
    area: Interval | None
    roc: tuple[tuple[float, float, float], ...]
    lines: tuple[Line, ...]
    recommended: Recommended | None
    accuracy: Accuracy
    draw_p: float | None
    verbosity: Verbosity | str
    self_preference: SelfPreference | str
    position: Position | str
    repeats: Repeats | str
    spend: Spend
    started_at: str

    @property
    def n(self) -> int:
        """Answers with a label and a score."""
        return self.confusion.n

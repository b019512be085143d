"""Everything that one run found out, filled in as the stages pass."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from distill.diversity.contrast import Contrast
from distill.judge_calibration import JudgeCalibration
from distill.judges import Watch
from distill.models.budget import Spend
from distill.plan import Plan
from distill.records import Records
from distill.review import no_review
from distill.stages.canaries import Canaries
from distill.stages.evaluate import Evaluation
from distill.stages.guard import GuardResult
from distill.stages.hand_over import HandedOver
from distill.students import Trained

if TYPE_CHECKING:
    from distill.compare.side import Side


@dataclass(kw_only=True)
class RunRecord:
    """What manifest, card and report are made from.

    Args:
        plan: What was asked for.
        run_id: The tracked run's id.
        sweep_id: Id of the sweep that the run is a point of, or `None`.
        name: The point's swept values, or `None`.
        started_at: UTC, ISO 8601.
        ended_at: UTC, ISO 8601; "" while it runs.
        seeds: The seeds file as it was read.
        heldout: The held-out file as it was read, or `None`.
        synthetic: The synthetic held-out file as it was read, or `None`.
        marks: Held-out answers that humans have marked, or `None`.
        table: The one table; see `table.py`.
        funnel: Rows that are in after each stage, by stage.
        guards: Findings by guard.
        spend: What teacher and judge cost, by role.
        watch: What the judge made of known-bad answers, or `None` where it was shown none.
        canaries: What the teacher said to the canary questions, or `None` where there are none.
        review: What a human should look at (`REVIEW_COLUMNS`).
        handed_over: What trainers elsewhere were given, by name.
        dataset_sha256: Digest of `dataset.jsonl`.
        abstain_sha256: Digest of `abstain.jsonl`, or `None` where there is none.
        diversity: Figures by name; absent where there was too little text.
        diversity_absent: By name, why a figure is not there.
        calibration: What is known of the judge, or `None` where nothing was given.
        baseline: The earlier run that the dataset is compared with, or `None`.
        collapse: What `distill collapse` found, as the manifest tells it, or `None`.
        contrasts: The dataset's variety beside that of references and of an earlier run.
        trained: The student, or `None`.
        evaluation: All arms, or `None` where nothing was trained or held out.
        time_s: Seconds by stage.
        uncached_usd: What the run would have cost with an empty ledger; `None` where a price is
            unknown.
    """

    plan: Plan
    started_at: str
    seeds: Records
    heldout: Records | None
    table: pl.DataFrame
    guards: dict[str, GuardResult]
    run_id: str = ""
    sweep_id: str | None = None
    name: str | None = None
    ended_at: str = ""
    funnel: dict[str, int] = field(default_factory=dict)
    spend: dict[str, Spend] = field(default_factory=dict)
    watch: Watch | None = None
    canaries: Canaries | None = None
    review: pl.DataFrame = field(default_factory=no_review)
    handed_over: dict[str, HandedOver] = field(default_factory=dict)
    dataset_sha256: str = ""
    abstain_sha256: str | None = None
    diversity: dict[str, float] = field(default_factory=dict)
    diversity_absent: dict[str, str] = field(default_factory=dict)
    calibration: JudgeCalibration | None = None
    baseline: Side | None = None
    synthetic: Records | None = None
    marks: pl.DataFrame | None = None
    collapse: dict[str, Any] | None = None
    contrasts: tuple[Contrast, ...] = ()
    trained: Trained | None = None
    evaluation: Evaluation | None = None
    time_s: dict[str, float] = field(default_factory=dict)
    uncached_usd: float | None = None

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Book the seconds of the block to `stage`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.time_s[stage] = round(time.perf_counter() - start, 3)


def heldout_of(record: RunRecord) -> pl.DataFrame | None:
    """Return the held-out rows, or `None`."""
    return None if record.heldout is None else record.heldout.frame

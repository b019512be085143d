"""What is read of a manifest: checked, because the file may be of another release or damaged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from distill.costs import ROLES
from distill.errors import Fault, UserError, shown

SHOWN_FAULTS = 3


class _Read(BaseModel):
    """A part of a manifest; what it does not know it leaves out."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class InputFigures(_Read):
    """A file that went into a run.

    Args:
        source: Where it is from.
        sha256: Of the file.
        rows: How many.
        rows_sha256: Of the rows, whatever the file's format; "" in runs of older releases.
    """

    source: str = ""
    sha256: str = ""
    rows: int | None = None
    rows_sha256: str = ""

    @property
    def digest(self) -> str:
        """What tells its rows from others."""
        return self.rows_sha256 or self.sha256


class Spent(_Read):
    """What a model was asked, and what that cost.

    Args:
        model: The id that was asked for.
        served: Ids that answered.
        requests: Paid requests.
        cached: Responses that the ledger gave.
        failed: Requests that failed for good.
        input_tokens: Of the paid requests.
        output_tokens: Of the paid requests.
        cost_usd: Dollars, `None` where the price is unknown.
    """

    model: str
    served: tuple[str, ...] = ()
    requests: int = 0
    cached: int = 0
    failed: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None


class EvalFigures(_Read):
    """How the held-out examples were answered.

    Args:
        metric: The headline metric.
        arm: The arm that the run delivers.
        accuracy: Its mean score, in [0, 1].
        n: Held-out items.
    """

    metric: str = "accuracy"
    arm: str = "real_and_distilled"
    accuracy: float | None = None
    n: int | None = None


class SweepFigures(_Read):
    """The sweep that a run is a point of.

    Args:
        point: The swept values.
    """

    point: str | None = None


class Figures(_Read):
    """A manifest, as far as two runs are compared by it; see `distill.manifest`."""

    run_id: str
    dataset_sha256: str
    config_sha256: str
    rows: int
    distill_version: str = ""
    started_at: str = ""
    ended_at: str = ""
    real_rows: int = 0
    inputs: dict[str, InputFigures] = {}
    versions: dict[str, str] = {}
    implementation: dict[str, str] = {}
    augment: Spent | None = None
    teacher: Spent | None = None
    judge: Spent | None = None
    student: Spent | None = None
    student_base: Spent | None = None
    students: Spent | None = None
    metric_judge: Spent | None = None
    funnel: dict[str, int] = {}
    rejected: dict[str, int] = {}
    diversity: dict[str, float] = {}
    guards: dict[str, str] = {}
    eval: EvalFigures | None = None
    time: dict[str, float] = {}
    sweep: SweepFigures | None = None
    verdict: str = ""
    verdict_reason: str = ""

    @property
    def spent(self) -> tuple[Spent | None, ...]:
        """What each role cost; `None` for one that the run did not have."""
        return tuple(getattr(self, role) for role in ROLES)


def read_figures(manifest: Mapping[str, Any], where: str) -> Figures:
    """Return the figures of a manifest.

    Args:
        manifest: `manifest.json`.
        where: The file, as people are told.

    Raises:
        UserError: a figure is missing or of a wrong type.
    """
    try:
        return Figures.model_validate(manifest)
    except ValidationError as error:
        faults = [_fault(where, fault) for fault in error.errors()[:SHOWN_FAULTS]]
        hint = "the file was changed by hand or cut short: take the run's own folder"
        raise UserError("\n".join(map(str, faults)), hint=hint) from error


def _fault(where: str, fault: Any) -> Fault:
    key = ".".join(map(str, fault["loc"]))
    rule = str(fault["msg"]).removeprefix("Input should be ")
    if fault["type"] == "missing":
        return Fault(where, f"{key} is missing")
    return Fault(where, f"{key}: got {shown(fault['input'])}, want {rule}")

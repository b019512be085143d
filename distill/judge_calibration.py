"""What is known of a run's judge from an earlier `distill calibrate`, if it was this very judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from distill.config import Config
from distill.errors import UserError, printable, shown

MAX_BYTES = 16 * 2**20
MAX_WORDS = 400
# Kappa from which agreement is substantial (Landis and Koch 1977, Biometrics 33:159).
LEAST_KAPPA = 0.6


class _Read(BaseModel):
    """A part of `calibration.json`; keys that are not needed are not looked at."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False, defer_build=True)


class _Judge(_Read):
    sha256: str


class _Labels(_Read):
    n: int


class _Gate(_Read):
    failures: tuple[str, ...]


class _Kappa(_Read):
    value: float
    low: float
    high: float


class _File(_Read):
    judge: _Judge
    labels: _Labels
    gate: _Gate
    kappa: _Kappa | None
    checked_at: str


@dataclass(frozen=True, kw_only=True)
class JudgeCalibration:
    """A calibration beside the judge of a run.

    Args:
        same_judge: Whether the calibrated judge gives an answer the same score as the run's.
        kappa: Agreement with humans, (value, low, high), each in [-1, 1]; `None` where undefined.
        n: Labelled answers.
        failures: Why the judge is not good enough to decide alone; empty where it is.
        checked_at: UTC, ISO 8601.
    """

    same_judge: bool
    kappa: tuple[float, float, float] | None
    n: int
    failures: tuple[str, ...]
    checked_at: str

    @property
    def is_good(self) -> bool:
        """Whether the run's judge was measured and is good enough."""
        return self.same_judge and not self.failures

    def figures(self) -> dict[str, Any]:
        """Return it as the manifest tells it."""
        return {
            "same_judge": self.same_judge,
            "kappa": None if self.kappa is None else dict(zip(_LIMITS, self.kappa, strict=True)),
            "n": self.n,
            "passed": not self.failures,
            "failures": list(self.failures),
            "checked_at": self.checked_at,
        }


_LIMITS = ("value", "low", "high")


def read_judge_calibration(path: str | None, config: Config) -> JudgeCalibration | None:
    """Read what `distill calibrate` left.

    Args:
        path: `calibration.json`, or `None` where there is none.
        config: Of the run; its judge is compared with the calibrated one.

    Returns:
        `None` without a path, or without a judge.

    Raises:
        UserError: the file cannot be read or is no calibration.
    """
    if path is None or config.get("judge") is None:
        return None
    from distill.calibrate.labelled import judge_sha256

    found = _read(Path(path).expanduser())
    kappa = found.kappa
    return JudgeCalibration(
        same_judge=found.judge.sha256 == judge_sha256(config),
        kappa=None if kappa is None else (kappa.value, kappa.low, kappa.high),
        n=found.labels.n,
        failures=tuple(printable(one)[:MAX_WORDS] for one in found.gate.failures),
        checked_at=printable(found.checked_at)[:MAX_WORDS],
    )


def calibration_sentence(figures: Mapping[str, Any] | None) -> str:
    """Say what is known of the judge.

    Args:
        figures: Of the manifest; `None` where no calibration was given.
    """
    if figures is None:
        return "The judge is not calibrated: no calibration was given (judge_calibration.path)."
    kappa = figures["kappa"]
    agreement = (
        "kappa undefined"
        if kappa is None
        else f"kappa {kappa['value']:.2f} (95% interval {kappa['low']:.2f} to {kappa['high']:.2f})"
    )
    measured = f"{agreement} against {figures['n']:,} human labels"
    if not figures["same_judge"]:
        return f"The judge is not calibrated: what was given ({measured}) is of another judge."
    if figures["passed"]:
        return f"Judge calibrated: {measured}."
    return f"Judge calibrated and not good enough: {measured}. {' '.join(figures['failures'])}"


def _read(path: Path) -> _File:
    want = f"judge_calibration.path: got {shown(str(path))}, want a calibration.json"
    hint = "distill calibrate leaves one in its paths.out"
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"{want} (it is larger than {MAX_BYTES} bytes).", hint=hint)
        return _File.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UserError(f"{want} ({error.strerror}).", hint=hint) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "it"
        raise UserError(f"{want} ({printable(where)}: {first['msg']}).", hint=hint) from error

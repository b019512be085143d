"""The one door to MLflow.

The folder that a run leaves is the truth and MLflow the mirror: everything that MLflow shows is
read from that folder, so a run and `distill sync RUN_DIR` go the same way, and a tracking server
that is down never costs a run.

    store.py        MLflow held quiet, impatient and out of the working directory
    saved_run.py   what a run folder says: parameters, tags, note, inputs, files
    figures.py      its metrics
    student.py      its student as an MLflow model
    noted.py        what was found out about a run after its end
    calibrated.py   a judge's calibration, a run of its own
    mirror.py       all of it into one MLflow run, twice as well as once
    sweep.py        the parent of a sweep's points
    view.py         how MLflow's pages show them
    tracked.py      the components that a config names
    owner.py        runs whose process is gone

MLflow takes more than a second to import: it is imported inside the functions that use it.
"""

from __future__ import annotations

from distill.tracking.calibrated import note_calibration
from distill.tracking.mirror import mirror, sync
from distill.tracking.noted import note
from distill.tracking.owner import close_dead_runs
from distill.tracking.tracked import (
    MlflowTracking,
    NoTracking,
    TrackedRun,
    Tracking,
    TrackingWarning,
)

__all__ = [
    "MlflowTracking",
    "NoTracking",
    "TrackedRun",
    "Tracking",
    "TrackingWarning",
    "close_dead_runs",
    "mirror",
    "note",
    "note_calibration",
    "sync",
]

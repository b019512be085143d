"""A calibration as a run of its own in MLflow: figures, and the files to look at."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from distill.errors import DistillError
from distill.tracking.saved_run import MAX_PARAM, MAX_TAG, cut
from distill.tracking.store import connected, experiment_id
from distill.tracking.tracked import MlflowTracking, TrackingWarning

PREFIX = "calibrate/"
SHARES = ("error_rate", "false_keep_rate", "false_drop_rate", "precision", "recall", "auc", "kappa")


def note_calibration(
    tracking: MlflowTracking, told: Mapping[str, Any], files: Sequence[Path], *, name: str
) -> None:
    """Make a run of a calibration; warn where MLflow cannot be reached.

    Args:
        tracking: The store and its experiment.
        told: As `calibrate.to_json` tells it.
        files: What was left.
        name: What the run is called.
    """
    from mlflow.entities import Metric, Param, RunTag

    now_ms = int(time.time() * 1000)
    judge = told["judge"]
    tags = {
        "distill.kind": "calibration",
        "distill.judge.model": str(judge["model"]),
        "distill.judge.sha256": str(judge["sha256"]),
        "distill.calibration": str(told["verdict"]),
    }
    params = {
        "judge.model": judge["model"],
        "judge.threshold": judge["threshold"],
        "calibrate.path": told["labels"]["source"],
        "calibrate.right_from": told["labels"]["right_from"],
    }
    try:
        with connected(tracking.uri, timeout_s=tracking.timeout_s, retries=0) as client:
            experiment = experiment_id(client, tracking.experiment)
            made = client.create_run(experiment, run_name=name)
            run_id = str(made.info.run_id)
            client.log_batch(
                run_id,
                metrics=[Metric(key, value, now_ms, 0) for key, value in _metrics(told)],
                params=[Param(key, cut(str(value), MAX_PARAM)) for key, value in params.items()],
                tags=[RunTag(key, cut(value, MAX_TAG)) for key, value in tags.items()],
            )
            for file in files:
                client.log_artifact(run_id, str(file))
            client.set_terminated(run_id, "FINISHED")
    except DistillError as error:
        text = f"{error.args[0]}\n  hint: the calibration is whole in {files[0].parent}"
        warnings.warn(TrackingWarning(text), stacklevel=2)


def _metrics(told: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield the figures by name; what was not found is left out."""
    yield f"{PREFIX}labels", float(told["labels"]["n"])
    for name in SHARES:
        if told[name] is not None:
            yield f"{PREFIX}{name}", float(told[name]["value"])
            yield f"{PREFIX}{name}_low", float(told[name]["low"])
            yield f"{PREFIX}{name}_high", float(told[name]["high"])
    if told["recommended"] is not None:
        yield f"{PREFIX}recommended_threshold", float(told["recommended"]["threshold"])
    corrected = told["accuracy"]["corrected"]
    if corrected is not None:
        yield f"{PREFIX}accuracy", float(corrected["value"])

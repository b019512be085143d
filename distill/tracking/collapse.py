"""Chains of generations in MLflow: a parent with the curves, and a child for each generation."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from distill.errors import DistillError
from distill.tracking.owner import OWNER_TAG, owner
from distill.tracking.saved_run import PARENT_TAG, RUN_ID_TAG
from distill.tracking.store import connected, experiment_id
from distill.tracking.tracked import MlflowTracking, Tracking, TrackingWarning

KIND_TAG = "distill.kind"
FIGURES = ("heldout", "distinct_2", "less_varied", "support")


def mirror_collapse(
    tracking: Tracking, told: Mapping[str, Any], folder: Path, config: Mapping[str, str]
) -> None:
    """Show the chains in MLflow; where it cannot be reached, warn: the folder has everything.

    Args:
        tracking: As configured; without MLflow nothing happens.
        told: `collapse.json`.
        folder: Its files become artifacts of the parent.
        config: Parameters of the parent.
    """
    if not isinstance(tracking, MlflowTracking):
        return
    try:
        with connected(tracking.uri, timeout_s=tracking.timeout_s, retries=0) as client:
            _log(client, experiment_id(client, tracking.experiment), told, folder, config)
    # The figures are worth more than their mirror.
    except Exception as error:
        cause = error.args[0] if isinstance(error, DistillError) else f"tracking: {error!r}."
        text = f"{cause}\n  hint: the figures are in {folder}; run the same command again"
        warnings.warn(TrackingWarning(text), stacklevel=2)


def _log(
    client: Any, experiment: str, told: Mapping[str, Any], folder: Path, config: Mapping[str, str]
) -> None:
    from mlflow.entities import Metric, Param, RunTag

    tags = {KIND_TAG: "collapse", RUN_ID_TAG: told["run_id"], OWNER_TAG: owner()}
    made = client.create_run(experiment, tags=tags, run_name=f"collapse {folder.name}")
    parent, now_ms = str(made.info.run_id), int(time.time() * 1000)
    curves = [
        Metric(f"collapse/{name}", value, now_ms, step) for step, name, value in _figures(told)
    ]
    params = [Param(key, value) for key, value in config.items()]
    client.log_batch(parent, metrics=curves, params=params)
    for number in range(len(told["courses"][0]["generations"])):
        child = client.create_run(
            experiment,
            tags={PARENT_TAG: parent, KIND_TAG: "generation", OWNER_TAG: owner()},
            run_name=f"generation {number}",
        )
        own = [
            Metric(f"collapse/{name}", value, now_ms, number)
            for step, name, value in _figures(told)
            if step == number
        ]
        client.log_batch(child.info.run_id, metrics=own, params=[Param("generation", str(number))])
        client.set_terminated(child.info.run_id, "FINISHED")
    for file in sorted(folder.glob("collapse.*")):
        client.log_artifact(parent, str(file))
    note = "\n".join(f"- **{one['title']}**: {one['sentence']}" for one in told["courses"])
    client.log_batch(parent, tags=[RunTag("mlflow.note.content", note)])
    client.set_terminated(parent, "FINISHED")


def _figures(told: Mapping[str, Any]) -> Iterator[tuple[int, str, float]]:
    """Yield generation, name and value of every figure."""
    for course in told["courses"]:
        share = course["share"]
        name = course["regime"] if share is None else f"{course['regime']}_{100 * share:g}"
        for one in course["generations"]:
            for figure in FIGURES:
                if one[figure] is not None:
                    key = told["measure"] if figure == "heldout" else figure
                    yield one["number"], f"{name}/{key}", float(one[figure]["mean"])

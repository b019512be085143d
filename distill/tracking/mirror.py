"""Everything of a run folder into one MLflow run: at the end of a run, and by `distill sync`.

Doing it twice, or again after it was cut short, leaves what doing it once leaves.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.errors import DistillError, UserError
from distill.folder import HANDOVER
from distill.tracking.figures import metrics
from distill.tracking.saved_run import (
    PARENT_TAG,
    RUN_ID_TAG,
    STUDENT_FOLDER,
    Input,
    SavedRun,
    files,
    inputs,
    params,
    read_run,
    section,
    tags,
)
from distill.tracking.store import connected, experiment_id
from distill.tracking.student import log_student
from distill.tracking.sweep import is_sweep, parent_in_store, read_sweep, sync_sweep

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput, Metric, Run

PARAMS_A_BATCH = 100
PATIENCE_S = 60.0
RETRIES = 1
MASK = "***"


def sync(run_dir: Path, uri: str | None, experiment: str | None) -> str:
    """Mirror the folder of a run, or of a sweep with all its points, however long ago it was.

    Args:
        run_dir: The folder that a run or a sweep left.
        uri: MLflow tracking URI; `None` takes the run's own, then `MLFLOW_TRACKING_URI`.
        experiment: MLflow experiment; `None` takes the run's own.

    Returns:
        The id of the MLflow run.

    Raises:
        UserError: `run_dir` is no run folder, or no URI is known.
        DistillError: the store cannot be reached or refuses.
    """
    saved = read_sweep(run_dir) if is_sweep(run_dir) else None
    first = run_dir if saved is None else next(iter(saved.points), run_dir)
    own = section(read_run(first).config, "tracking")
    uri = uri or _own_uri(own) or os.environ.get("MLFLOW_TRACKING_URI")
    experiment = experiment or own.get("experiment")
    if not uri:
        raise UserError(
            f"tracking.uri: the run in {run_dir} names no tracking store that can be used.",
            hint="add tracking.uri=URI, or set MLFLOW_TRACKING_URI",
        )
    if not experiment:
        raise UserError(
            f"tracking.experiment: the run in {run_dir} names no experiment.",
            hint="add tracking.experiment=NAME",
        )
    if saved is None:
        return mirror(run_dir, uri, str(experiment))
    store, name = uri, str(experiment)
    with _told_to_sync(), connected(store, timeout_s=PATIENCE_S, retries=RETRIES) as client:
        return sync_sweep(client, name, saved, lambda point: mirror(point, store, name))


def mirror(
    run_dir: Path,
    uri: str,
    experiment: str,
    run_id: str | None = None,
    *,
    timeout_s: float = PATIENCE_S,
) -> str:
    """Upload a run folder into its MLflow run, which is created where there is none.

    Args:
        run_dir: The folder that a run left.
        uri: MLflow tracking URI.
        experiment: MLflow experiment, created where there is none.
        run_id: The MLflow run, where known; else it is found by the tag `distill.run_id`.
        timeout_s: Longest that one call waits for a silent server.

    Returns:
        The id of the MLflow run.

    Raises:
        UserError: `run_dir` is no run folder.
        DistillError: the store cannot be reached or refuses.
    """
    saved = read_run(run_dir)
    numbers = metrics(saved)
    with _told_to_sync(), connected(uri, timeout_s=timeout_s, retries=RETRIES) as client:
        run = _find(client, experiment_id(client, experiment), saved, run_id)
        _upload(client, run, saved, numbers)
        return str(run.info.run_id)


@contextmanager
def _told_to_sync() -> Iterator[None]:
    try:
        yield
    except DistillError as error:
        hint = error.hint or "see that the store runs and has room, then run distill sync again"
        raise type(error)(str(error.args[0]), hint=hint) from error


def _upload(client: MlflowClient, run: Run, saved: SavedRun, numbers: Mapping[str, float]) -> None:
    from mlflow.entities import Param, RunTag

    run_id = run.info.run_id
    known = run.data.params
    # A parameter of MLflow is written once and for all.
    # The folder of a sweep's point differs in all of them and would be compared first.
    without = ("paths.out",) if section(saved.manifest, "sweep") else ()
    told = params(saved.config, without=without)
    new = iter([Param(k, v) for k, v in told.items() if k not in known])
    while batch := list(islice(new, PARAMS_A_BATCH)):
        client.log_batch(run_id, params=batch)
    _log_inputs(client, run, saved)
    model_id = log_student(client, run, saved)
    client.log_batch(
        run_id,
        metrics=list(_new_metrics(run, saved, numbers, model_id)),
        tags=[RunTag(key, value) for key, value in _tags(client, run, saved).items()],
    )
    for path in files(saved):
        beside = path.parent == saved.path
        client.log_artifact(run_id, str(path), None if beside else path.parent.name)
    if saved.student is not None:
        client.log_artifacts(run_id, str(saved.student), STUDENT_FOLDER)
    if (saved.path / HANDOVER).is_dir():
        client.log_artifacts(run_id, str(saved.path / HANDOVER), HANDOVER)
    client.update_run(run_id, name=_name(saved))
    # The manifest tells whole seconds: a short run must not seem to end before it began.
    ended = max(saved.time_ms("ended_at") or run.info.end_time or 0, run.info.start_time) or None
    client.set_terminated(run_id, saved.status, ended)


def _tags(client: MlflowClient, run: Run, saved: SavedRun) -> dict[str, str]:
    """Return the run's tags, its sweep named as this store knows it."""
    found = tags(saved)
    sweep = found.get(PARENT_TAG)
    if sweep is not None:
        known = parent_in_store(client, run.info.experiment_id, sweep)
        found[PARENT_TAG] = known or sweep
    return found


def _name(saved: SavedRun) -> str:
    """Return what the run is called: its point in a sweep, or its folder."""
    return str(section(saved.manifest, "sweep").get("point") or saved.path.name)


def _find(client: MlflowClient, experiment: str, saved: SavedRun, run_id: str | None) -> Run:
    from mlflow.exceptions import MlflowException

    if run_id is not None:
        try:
            run = client.get_run(run_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
        else:
            if run.info.lifecycle_stage == "active":
                return run
    found = client.search_runs(
        [experiment], f"tags.`{RUN_ID_TAG}` = '{saved.run_id}'", max_results=1
    )
    if found:
        return found[0]
    return client.create_run(
        experiment,
        start_time=saved.time_ms("started_at"),
        tags={RUN_ID_TAG: saved.run_id},
        run_name=_name(saved),
    )


def _new_metrics(
    run: Run, saved: SavedRun, numbers: Mapping[str, float], model_id: str | None
) -> Iterator[Metric]:
    """Yield the metrics that the run lacks; the student's own are its model's as well."""
    from mlflow.entities import Metric

    now_ms = int(time.time() * 1000)
    heldout = next((item for item in inputs(saved.manifest) if item.name == "heldout"), None)
    for key, number in numbers.items():
        logged = run.data.metrics.get(key)
        if logged == number:
            continue
        about: dict[str, Any] = {}
        if model_id is not None and key.startswith("eval/") and key.count("/") == 1:
            about["model_id"] = model_id
            if heldout is not None:
                about.update(dataset_name=heldout.name, dataset_digest=heldout.digest)
        # A number that has changed must be the later one, or MLflow goes on showing the former.
        ended = saved.time_ms("ended_at") if logged is None else None
        yield Metric(key, number, ended or now_ms, 0, **about)


def _log_inputs(client: MlflowClient, run: Run, saved: SavedRun) -> None:
    known = run.inputs.dataset_inputs if run.inputs else []
    there = {(item.dataset.name, item.dataset.digest) for item in known}
    new = [
        _dataset_input(item)
        for item in inputs(saved.manifest)
        if (item.name, item.digest) not in there
    ]
    if new:
        client.log_inputs(run.info.run_id, new)


def _dataset_input(item: Input) -> DatasetInput:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    remote = item.source.startswith(("http://", "https://"))
    source = {"url" if remote else "uri": item.source}
    dataset = Dataset(
        name=item.name,
        digest=item.digest,
        source_type="http" if remote else "local",
        source=json.dumps(source),
        profile=item.profile,
    )
    tagged = {"mlflow.data.context": item.context, "distill.sha256": item.sha256}
    return DatasetInput(dataset, [InputTag(key, value) for key, value in tagged.items()])


def _own_uri(tracking: Mapping[str, Any]) -> str | None:
    """Return the URI that the run used, unless its password was masked when it was saved."""
    uri = tracking.get("uri")
    return str(uri) if uri and MASK not in str(uri) else None

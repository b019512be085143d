"""The files of a run out of the tracking store: found by id or name, copied, never changed."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.config import without_secrets
from distill.errors import UserError
from distill.folder import MANIFEST
from distill.paths import conf_dir
from distill.runs import OUTPUTS, KnownRun, matching, the_one, unknown_run
from distill.tracking.saved_run import PARENT_TAG, RUN_ID_TAG
from distill.tracking.store import connected

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

SHIPPED = Path("tracking") / "mlflow.yaml"
RETRIES = 1
MOST_FOUND = 50
RECENT_RUNS = 200  # whose names are looked at for one that comes near
NAME_CHARS = 80


@contextmanager
def downloaded(
    reference: str,
    uri: str | None,
    *,
    experiment: str | None,
    names: Sequence[str],
    local: Sequence[KnownRun],
) -> Iterator[Path]:
    """Yield a temporary folder with files of a tracked run; it bears the run's name.

    Args:
        reference: An id, the beginning of one, or a name.
        uri: MLflow tracking URI; `None` takes `MLFLOW_TRACKING_URI` or the shipped config's.
        experiment: MLflow experiment that is searched; `None` searches all.
        names: Files to copy, where the run has them.
        local: Runs on disk, whose names may come near one that is unknown.

    Raises:
        UserError: no run of the store is called so, more than one is, or it left no files.
        DistillError: the store cannot be reached.
    """
    shipped = _shipped()
    looked_in = [f"below {OUTPUTS}/"] if uri is None else []
    uri = uri or str(shipped["uri"])
    if _is_missing(uri):
        where = f"in {without_secrets(uri)}, which does not exist"
        raise unknown_run(reference, local, [*looked_in, where])
    looked_in.append(f"in {without_secrets(uri)}")
    with tempfile.TemporaryDirectory(prefix="distill-") as temporary:
        timeout_s = float(shipped["timeout_s"])
        with connected(uri, timeout_s=timeout_s, retries=RETRIES) as client:
            run = _found(client, reference, experiment, local, looked_in)
            folder = Path(temporary) / _safe(run.info.run_name or run.info.run_id)
            folder.mkdir()
            _copy(client, run, names, folder)
        yield folder


def _shipped() -> dict[str, Any]:
    """Return where the shipped config tracks runs, `MLFLOW_TRACKING_URI` heeded."""
    from omegaconf import OmegaConf

    shipped: Any = OmegaConf.to_container(OmegaConf.load(conf_dir() / SHIPPED), resolve=True)
    return dict(shipped)


def _is_missing(uri: str) -> bool:
    """Say whether the store is a SQLite file that is not there: looking must not create it."""
    if not uri.startswith("sqlite"):
        return False
    from sqlalchemy.engine import make_url

    database = make_url(uri).database
    return bool(database) and not Path(str(database)).exists()


def _found(
    client: MlflowClient,
    reference: str,
    experiment: str | None,
    local: Sequence[KnownRun],
    looked_in: Sequence[str],
) -> Run:
    experiments = _experiments(client, experiment)
    for clause in _clauses(reference):
        runs = client.search_runs(experiments, clause, max_results=MOST_FOUND)
        stored = {run.info.run_id: run for run in runs}
        # A run that was mirrored twice is one run; MLflow lists the later copy first.
        known = [_known(run) for run in runs]
        one = the_one(reference, matching(reference, known))
        if one is not None:
            return stored[one.ids[-1]]
    recent = client.search_runs(experiments, max_results=RECENT_RUNS)
    raise unknown_run(reference, [*local, *(_known(run) for run in recent)], looked_in)


def _experiments(client: MlflowClient, name: str | None) -> list[str]:
    if name is None:
        return [experiment.experiment_id for experiment in client.search_experiments()]
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        raise UserError(f"tracking.experiment: the store has no experiment {name!r}.")
    return [str(experiment.experiment_id)]


def _clauses(reference: str) -> Iterator[str]:
    """Yield what MLflow is asked for, the surest first."""
    quote = "'" if "'" not in reference else '"'
    if quote in reference or "\\" in reference or not reference.isprintable():
        return
    yield f"attributes.run_id = {quote}{reference}{quote}"
    yield f"tags.`{RUN_ID_TAG}` = {quote}{reference}{quote}"
    yield f"attributes.run_name = {quote}{reference}{quote}"
    if re.fullmatch(r"[0-9a-f]{4,}", reference):
        yield f"attributes.run_id LIKE '{reference}%'"
        yield f"tags.`{RUN_ID_TAG}` LIKE '{reference}%'"


def _known(run: Run) -> KnownRun:
    own_id = run.data.tags.get(RUN_ID_TAG, run.info.run_id)
    ended_ms = run.info.end_time or run.info.start_time or 0
    return KnownRun(
        ids=tuple(dict.fromkeys([own_id, run.info.run_id])),
        names=(run.info.run_name or own_id,),
        place=f"MLflow run {run.info.run_id}",
        ended_ns=ended_ms * 1_000_000,
    )


def _copy(client: MlflowClient, run: Run, names: Sequence[str], folder: Path) -> None:
    """Copy the files that the run has.

    Raises:
        UserError: there is no manifest: the run failed, still goes on, or is a sweep.
    """
    run_id = run.info.run_id
    listed: dict[str, set[str]] = {}
    for name in names:
        parent = name.rpartition("/")[0]
        if parent not in listed:
            listed[parent] = {file.path for file in client.list_artifacts(run_id, parent or None)}
        if name in listed[parent]:
            copied = Path(client.download_artifacts(run_id, name, str(folder)))
            # Stores do not agree whether a file's folders come along.
            (folder / name).parent.mkdir(exist_ok=True)
            copied.replace(folder / name)
        elif name == MANIFEST:
            raise _no_files(client, run)


def _no_files(client: MlflowClient, run: Run) -> UserError:
    run_id = run.info.run_id
    points = client.search_runs(
        [run.info.experiment_id], f"tags.`{PARENT_TAG}` = '{run_id}'", max_results=MOST_FOUND
    )
    if points:
        told = ", ".join(f"{point.info.run_name} ({point.info.run_id[:8]})" for point in points[:4])
        return UserError(
            f"{run.info.run_name}: a sweep of {len(points)} runs, not a run.",
            hint=f"name one of its points: {told}",
        )
    return UserError(
        f"{run.info.run_name} ({run_id}): its status is {run.info.status} and it left no files in "
        "the tracking store.",
        hint="where its folder still exists: distill sync RUN_DIR, or name the folder",
    )


def _safe(name: str) -> str:
    """Return a name that is a plain folder's."""
    return re.sub(r"[^\w.=, -]+", "_", name)[:NAME_CHARS].lstrip(". ") or "run"

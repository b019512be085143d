"""A sweep in MLflow: the parent of its points' runs, mirrored from the folder that it leaves.

`sweep.json` says what the sweep was and came to. Mirroring it twice, or after the tracking server
was away for all or part of the sweep, leaves what mirroring it once leaves.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.errors import UserError
from distill.tracking.owner import OWNER_TAG, close_dead, is_gone, owner
from distill.tracking.saved_run import MAX_TAG, PARENT_TAG, RUN_ID_TAG, cut, section
from distill.tracking.store import experiment_id
from distill.tracking.view import share_view

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

SWEEP_FILE = "sweep.json"
SWEEP_TAG = "distill.sweep"
SWEEP_OUT_TAG = "distill.sweep.out"
NOTE_TAG = "mlflow.note.content"
RUNNING = "RUNNING"
CUT_OFF = frozenset({RUNNING, "KILLED"})
# Workers of a sweep that was killed end soon after it.
WORKERS_END_S, LOOK_AGAIN_S = 10.0, 0.2


@dataclass(frozen=True, kw_only=True)
class SavedSweep:
    """A sweep's folder that has been read.

    Args:
        path: The folder.
        told: `sweep.json`.
    """

    path: Path
    told: Mapping[str, Any]

    @property
    def run_id(self) -> str:
        """The sweep's own id, whichever store it is mirrored in."""
        return str(self.told["run_id"])

    @property
    def points(self) -> list[Path]:
        """The folders of the points that came to their end."""
        names = [str(point.get("folder", "")) for point in self.told.get("points", ())]
        folders = [self.path / name for name in names if name == Path(name).name and name]
        return [folder for folder in folders if (folder / "manifest.json").is_file()]


def is_sweep(folder: Path) -> bool:
    """Say whether a sweep left this folder."""
    return (folder / SWEEP_FILE).is_file()


def read_sweep(folder: Path) -> SavedSweep:
    """Read what a sweep left.

    Raises:
        UserError: `sweep.json` cannot be read.
    """
    try:
        told = json.loads((folder / SWEEP_FILE).read_text(encoding="utf-8"))
        if not re.fullmatch(r"[\w-]{1,64}", str(told["run_id"])):
            raise ValueError("its run_id is no id")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{folder / SWEEP_FILE}: no sweep that can be read ({error}).") from error
    return SavedSweep(path=folder, told=told)


def begin(client: MlflowClient, experiment: str, *, identity: str, out: Path) -> tuple[str, Path]:
    """Create the parent run, or take up one that was cut off, with its folder.

    Args:
        client: Of the tracking store.
        experiment: Its id.
        identity: Says which sweep it is.
        out: Where a new one leaves its points.

    Returns:
        The parent's id and the sweep's folder.
    """
    digest = hashlib.sha256(identity.encode()).hexdigest()
    begun = client.search_runs([experiment], f"tags.`{SWEEP_TAG}` = '{digest}'")
    for run in begun:
        # One that was closed as killed, by the user or by `distill doctor`, was cut off as well.
        if run.info.status in CUT_OFF and is_gone(run.data.tags.get(OWNER_TAG, "")):
            run_id = str(run.info.run_id)
            client.set_tag(run_id, OWNER_TAG, owner())
            client.update_run(run_id, status=RUNNING)
            _wait_for_workers(client, experiment, run_id)
            close_dead(client, experiment, parent=run_id)
            return run_id, Path(run.data.tags.get(SWEEP_OUT_TAG, str(out)))
    tags = {SWEEP_TAG: digest, SWEEP_OUT_TAG: str(out), OWNER_TAG: owner()}
    made = client.create_run(experiment, tags=tags, run_name=f"sweep {out.name}")
    client.set_tag(made.info.run_id, RUN_ID_TAG, made.info.run_id)
    return str(made.info.run_id), out


def open_point(client: MlflowClient, experiment: str, parent: str, name: str | None) -> str:
    """Return the run of a sweep's point: a new one, or the one of an attempt that was cut off."""
    for run in _children(client, experiment, parent):
        is_dead = run.info.status in CUT_OFF and is_gone(run.data.tags.get(OWNER_TAG, ""))
        if run.info.run_name == name and is_dead:
            client.set_tag(run.info.run_id, OWNER_TAG, owner())
            client.update_run(run.info.run_id, status=RUNNING)
            return str(run.info.run_id)
    tags = {PARENT_TAG: parent, OWNER_TAG: owner()}
    return str(client.create_run(experiment, tags=tags, run_name=name).info.run_id)


def _wait_for_workers(client: MlflowClient, experiment: str, parent: str) -> None:
    """Wait until no process of the sweep that was cut off is at work."""
    ends_at = time.monotonic() + WORKERS_END_S
    while time.monotonic() < ends_at and any(
        run.info.status == RUNNING and not is_gone(run.data.tags.get(OWNER_TAG, ""))
        for run in _children(client, experiment, parent)
    ):
        time.sleep(LOOK_AGAIN_S)


def _children(client: MlflowClient, experiment: str, parent: str) -> list[Run]:
    return list(client.search_runs([experiment], f"tags.`{PARENT_TAG}` = '{parent}'"))


def mirror_sweep(client: MlflowClient, experiment: str, saved: SavedSweep, parent: str) -> None:
    """Bring a sweep's own figures, description and files into its parent run, and close it."""
    from mlflow.entities import RunTag

    told = saved.told
    client.log_batch(
        parent,
        metrics=list(_new_metrics(client, saved, parent)),
        tags=[RunTag(NOTE_TAG, cut(str(told.get("note", "")), MAX_TAG))],
    )
    for file in sorted(saved.path.glob("sweep.*")):
        client.log_artifact(parent, str(file))
    share_view(client, experiment, parent=parent, swept=list(told.get("swept", ())))
    client.set_terminated(parent, str(told.get("status", "FINISHED")))


def sync_sweep(
    client: MlflowClient, name: str, saved: SavedSweep, mirror_point: Callable[[Path], object]
) -> str:
    """Bring a whole sweep into the store, its points first.

    Args:
        client: Of the tracking store.
        name: Of the experiment.
        saved: The sweep.
        mirror_point: Brings one point's folder in.

    Returns:
        The parent's id in MLflow.
    """
    experiment = experiment_id(client, name)
    parent = parent_in_store(client, experiment, saved.run_id)
    if parent is None:
        made = client.create_run(
            experiment,
            tags={RUN_ID_TAG: saved.run_id, SWEEP_OUT_TAG: str(saved.path)},
            run_name=f"sweep {saved.path.name}",
        )
        parent = str(made.info.run_id)
    for point in saved.points:
        mirror_point(point)
    mirror_sweep(client, experiment, saved, parent)
    return parent


def parent_in_store(client: MlflowClient, experiment: str, run_id: str) -> str | None:
    """Return MLflow's id of the sweep that calls itself `run_id`, `None` where it has none."""
    found = client.search_runs([experiment], f"tags.`{RUN_ID_TAG}` = '{run_id}'", max_results=1)
    return str(found[0].info.run_id) if found else None


def _new_metrics(client: MlflowClient, saved: SavedSweep, parent: str) -> Iterator[Any]:
    """Yield what the parent lacks: how many points there were, and the chosen one's figures."""
    from mlflow.entities import Metric

    logged = client.get_run(parent).data.metrics
    for key, number in section(saved.told, "figures").items():
        if isinstance(number, int | float) and logged.get(key) != number:
            yield Metric(key, float(number), int(time.time() * 1000), 0)

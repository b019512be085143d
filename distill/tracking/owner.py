"""Which process keeps a run alive, and what to do with runs whose process is gone.

A run that was killed cannot say so. Its tag names the process that began it; when that is gone, the
run is dead, whatever MLflow shows.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from distill.processes import started
from distill.tracking.store import connected

if TYPE_CHECKING:
    from mlflow import MlflowClient

OWNER_TAG = "distill.owner"


def owner() -> str:
    """Name this process: host, number and start."""
    return f"{socket.gethostname()}:{os.getpid()}:{started(os.getpid())}"


def is_gone(name: str) -> bool:
    """Say whether `name` was a process of this machine that runs no more."""
    host, _, rest = name.partition(":")
    pid, _, start = rest.partition(":")
    return host == socket.gethostname() and pid.isdigit() and started(int(pid)) != start


def close_dead_runs(uri: str, experiment: str, *, timeout_s: float = 20.0) -> list[str]:
    """Close the dead runs of an experiment; see `close_dead`.

    Args:
        uri: MLflow tracking URI.
        experiment: Its name; one that does not exist has no runs.
        timeout_s: Longest that a silent server is waited for.

    Raises:
        DistillError: the store cannot be reached.
    """
    with connected(uri, timeout_s=timeout_s, retries=0) as client:
        found = client.get_experiment_by_name(experiment)
        return [] if found is None else close_dead(client, found.experiment_id)


def close_dead(client: MlflowClient, experiment: str, *, parent: str | None = None) -> list[str]:
    """Close the runs of an experiment that are marked as running and whose process is gone.

    Args:
        client: Of the tracking store.
        experiment: Its id.
        parent: Only points of this sweep, or `None` for all runs.

    Returns:
        The ids of the runs that were closed, as `KILLED`.
    """
    query = "attributes.status = 'RUNNING'"
    if parent is not None:
        query += f" and tags.`mlflow.parentRunId` = '{parent}'"
    dead = [
        run.info.run_id
        for run in client.search_runs([experiment], query)
        if is_gone(run.data.tags.get(OWNER_TAG, ""))
    ]
    for run_id in dead:
        client.set_terminated(run_id, "KILLED")
    return dead

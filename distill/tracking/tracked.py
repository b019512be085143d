"""The components that a config names, and the run that they open.

Nothing here raises: what a run has paid for is in its folder, and MLflow can have it later.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Protocol, runtime_checkable
from uuid import uuid4

from distill.component import PositiveFloat, Text, component
from distill.errors import DistillError
from distill.tracking.mirror import mirror
from distill.tracking.owner import OWNER_TAG, close_dead, is_gone, owner
from distill.tracking.saved_run import MAX_TAG, PARENT_TAG, RUN_ID_TAG, cut, masked
from distill.tracking.store import connected, experiment_id

if TYPE_CHECKING:
    from mlflow import MlflowClient

FAILURE_TAG = "distill.failure"
SWEEP_TAG = "distill.sweep"
SWEEP_OUT_TAG = "distill.sweep.out"


class TrackingWarning(UserWarning):
    """MLflow lacks something of a run; the run folder has it."""


class TrackedRun(Protocol):
    """A run that has begun."""

    @property
    def run_id(self) -> str:
        """32 hex digits; MLflow's own where MLflow knows the run."""

    def finish(self, run_dir: Path) -> None:
        """Mirror the folder that the run left."""

    def fail(self, reason: str) -> None:
        """Mark the run as failed, in one sentence."""

    def kill(self) -> None:
        """Mark the run as interrupted by the user."""


class TrackedSweep(Protocol):
    """A sweep that has begun."""

    @property
    def run_id(self) -> str:
        """32 hex digits; what its points name as their parent."""

    @property
    def out(self) -> Path:
        """Where its points leave their folders."""

    def finish(self, *, failed: bool) -> None:
        """Mirror the sweep's own files and close it."""

    def kill(self) -> None:
        """Mark the sweep as interrupted by the user."""


@runtime_checkable
class Tracking(Protocol):
    """Where runs are shown beside each other."""

    @property
    def experiment(self) -> str:
        """What the runs belong to; it names the folder of their folders as well."""

    def open(self, *, parent: str | None = None, name: str | None = None) -> TrackedRun:
        """Begin a run, a point of the sweep `parent` where one is given."""

    def open_sweep(self, *, identity: str, out: Path) -> TrackedSweep:
        """Begin a sweep, or go on with one of the same identity that was cut off."""


@component
class MlflowTracking:
    """Mirror each run in MLflow.

    Args:
        uri: MLflow tracking URI; a relative SQLite path counts from the working directory.
        experiment: MLflow experiment, created where there is none.
        timeout_s: Longest that a dead server holds up the start of a run, and again its end.
    """

    uri: Text
    experiment: Text
    timeout_s: PositiveFloat

    def open(self, *, parent: str | None = None, name: str | None = None) -> TrackedRun:
        """Begin a run in MLflow; where MLflow cannot be reached, warn and go on without."""
        run: TrackedRun = UntrackedRun()
        with (
            _spared("the run goes on; bring it to MLflow later: distill sync RUN_DIR"),
            connected(self.uri, timeout_s=self.timeout_s, retries=0) as client,
        ):
            tags = {} if parent is None else {PARENT_TAG: parent}
            experiment = experiment_id(client, self.experiment)
            run_id = client.create_run(experiment, tags=tags, run_name=name).info.run_id
            run = MlflowRun(tracking=self, run_id=run_id)
            client.set_tag(run_id, RUN_ID_TAG, run_id)
            client.set_tag(run_id, OWNER_TAG, owner())
        return run

    def open_sweep(self, *, identity: str, out: Path) -> TrackedSweep:
        """Begin a sweep in MLflow; where MLflow cannot be reached, warn and go on without."""
        with (
            _spared("the sweep goes on; bring it to MLflow later: distill sync RUN_DIR"),
            connected(self.uri, timeout_s=self.timeout_s, retries=0) as client,
        ):
            return MlflowSweep.begin(client, tracking=self, identity=identity, out=out)
        return UntrackedSweep(out)


@component
class NoTracking:
    """Keep the run folder only.

    Args:
        uri: Always null.
        experiment: Names the folder of the runs.
    """

    uri: None
    experiment: Text

    def open(self, *, parent: str | None = None, name: str | None = None) -> TrackedRun:
        """Begin a run that MLflow does not know."""
        del parent, name
        return UntrackedRun()

    def open_sweep(self, *, identity: str, out: Path) -> TrackedSweep:
        """Begin a sweep that MLflow does not know."""
        del identity
        return UntrackedSweep(out)


class MlflowRun:
    """A run that MLflow knows.

    Args:
        tracking: Where it is.
        run_id: MLflow's id.
    """

    def __init__(self, *, tracking: MlflowTracking, run_id: str) -> None:
        self.run_id = run_id
        self._tracking = tracking

    def finish(self, run_dir: Path) -> None:
        """Mirror the folder that the run left; warn where MLflow cannot be reached."""
        place = self._tracking
        folder = quote(str(run_dir))
        with _spared(f"the run is whole in its folder; complete MLflow: distill sync {folder}"):
            mirror(run_dir, place.uri, place.experiment, self.run_id, timeout_s=place.timeout_s)

    def fail(self, reason: str) -> None:
        """Mark the run as failed, with the reason as a tag."""
        self._end("FAILED", reason)

    def kill(self) -> None:
        """Mark the run as interrupted by the user."""
        self._end("KILLED", "interrupted")

    def _end(self, status: str, reason: str) -> None:
        place = self._tracking
        with (
            _spared(f"MLflow goes on showing run {self.run_id} as running"),
            connected(place.uri, timeout_s=place.timeout_s, retries=0) as client,
        ):
            client.set_tag(self.run_id, FAILURE_TAG, cut(masked(reason), MAX_TAG))
            client.set_terminated(self.run_id, status)


class UntrackedRun:
    """A run that MLflow does not know; its id is drawn here."""

    def __init__(self) -> None:
        self.run_id = uuid4().hex

    def finish(self, run_dir: Path) -> None:
        """Do nothing: the folder is there."""

    def fail(self, reason: str) -> None:
        """Do nothing."""

    def kill(self) -> None:
        """Do nothing."""


class MlflowSweep:
    """A sweep that MLflow knows: the parent of its points' runs.

    Args:
        tracking: Where it is.
        run_id: MLflow's id.
        out: Where its points leave their folders.
    """

    def __init__(self, *, tracking: MlflowTracking, run_id: str, out: Path) -> None:
        self.run_id = run_id
        self.out = out
        self._tracking = tracking

    @classmethod
    def begin(
        cls, client: MlflowClient, *, tracking: MlflowTracking, identity: str, out: Path
    ) -> MlflowSweep:
        """Create the parent run, or take up one that was cut off, with its folder."""
        experiment = experiment_id(client, tracking.experiment)
        digest = hashlib.sha256(identity.encode()).hexdigest()
        begun = client.search_runs([experiment], f"tags.`{SWEEP_TAG}` = '{digest}'")
        for run in begun:
            if run.info.status == "RUNNING" and is_gone(run.data.tags.get(OWNER_TAG, "")):
                run_id = run.info.run_id
                close_dead(client, experiment, parent=run_id)
                client.set_tag(run_id, OWNER_TAG, owner())
                before = Path(run.data.tags.get(SWEEP_OUT_TAG, str(out)))
                return cls(tracking=tracking, run_id=run_id, out=before)
        tags = {SWEEP_TAG: digest, SWEEP_OUT_TAG: str(out), OWNER_TAG: owner()}
        made = client.create_run(experiment, tags=tags, run_name=f"sweep {out.name}")
        client.set_tag(made.info.run_id, RUN_ID_TAG, made.info.run_id)
        return cls(tracking=tracking, run_id=made.info.run_id, out=out)

    def finish(self, *, failed: bool) -> None:
        """Mirror the sweep's table and plot, and close it by what became of its points."""
        place = self._tracking
        with (
            _spared(f"the sweep is whole in its folder, {self.out}"),
            connected(place.uri, timeout_s=place.timeout_s, retries=0) as client,
        ):
            for file in sorted(self.out.glob("sweep.*")):
                client.log_artifact(self.run_id, str(file))
            client.set_terminated(self.run_id, "FAILED" if failed else "FINISHED")

    def kill(self) -> None:
        """Mark the sweep as interrupted by the user."""
        place = self._tracking
        with (
            _spared(f"MLflow goes on showing sweep {self.run_id} as running"),
            connected(place.uri, timeout_s=place.timeout_s, retries=0) as client,
        ):
            client.set_terminated(self.run_id, "KILLED")


class UntrackedSweep:
    """A sweep that MLflow does not know; its id is drawn here.

    Args:
        out: Where its points leave their folders.
    """

    def __init__(self, out: Path) -> None:
        self.run_id = uuid4().hex
        self.out = out

    def finish(self, *, failed: bool) -> None:
        """Do nothing: the folder is there."""

    def kill(self) -> None:
        """Do nothing."""


@contextmanager
def _spared(hint: str) -> Iterator[None]:
    """Turn whatever goes wrong in MLflow into a warning."""
    try:
        yield
    # The run is worth more than its mirror.
    except Exception as error:
        cause = error.args[0] if isinstance(error, DistillError) else f"tracking: {error!r}."
        warnings.warn(TrackingWarning(f"{cause}\n  hint: {hint}"), stacklevel=4)

"""The components that a config names, and the run that they open.

Nothing here raises: what a run has paid for is in its folder, and MLflow can have it later.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import Protocol, runtime_checkable
from uuid import uuid4

from distill.component import PositiveFloat, Text, component
from distill.errors import DistillError
from distill.tracking.mirror import mirror
from distill.tracking.owner import OWNER_TAG, owner
from distill.tracking.saved_run import MAX_TAG, RUN_ID_TAG, cut, masked
from distill.tracking.store import connected, experiment_id
from distill.tracking.sweep import begin, mirror_sweep, open_point, read_sweep
from distill.tracking.view import page

FAILURE_TAG = "distill.failure"


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

    @property
    def page(self) -> str | None:
        """Where its points are looked at in MLflow; `None` where MLflow does not know it."""

    def finish(self) -> None:
        """Mirror the sweep's own files and close it by what became of its points."""

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
            experiment = experiment_id(client, self.experiment)
            if parent is None:
                # Owned from its beginning on: a kill at any moment leaves no run to nobody.
                made = client.create_run(experiment, tags={OWNER_TAG: owner()}, run_name=name)
                run_id = str(made.info.run_id)
            else:
                run_id = open_point(client, experiment, parent, name)
            run = MlflowRun(tracking=self, run_id=run_id)
            client.set_tag(run_id, RUN_ID_TAG, run_id)
        return run

    def open_sweep(self, *, identity: str, out: Path) -> TrackedSweep:
        """Begin a sweep in MLflow; where MLflow cannot be reached, warn and go on without."""
        with (
            _spared("the sweep goes on; bring it to MLflow later: distill sync RUN_DIR"),
            connected(self.uri, timeout_s=self.timeout_s, retries=0) as client,
        ):
            experiment = experiment_id(client, self.experiment)
            run_id, folder = begin(client, experiment, identity=identity, out=out)
            shown = page(self.uri, experiment, run_id)
            return MlflowSweep(tracking=self, run_id=run_id, out=folder, page=shown)
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
        page: Where its points are looked at.
    """

    def __init__(self, *, tracking: MlflowTracking, run_id: str, out: Path, page: str) -> None:
        self.run_id = run_id
        self.out = out
        self.page: str | None = page
        self._tracking = tracking

    def finish(self) -> None:
        """Mirror the sweep's own files and close it by what became of its points."""
        place = self._tracking
        folder = quote(str(self.out))
        with (
            _spared(f"the sweep is whole in its folder; complete MLflow: distill sync {folder}"),
            connected(place.uri, timeout_s=place.timeout_s, retries=0) as client,
        ):
            experiment = experiment_id(client, place.experiment)
            mirror_sweep(client, experiment, read_sweep(self.out), self.run_id)

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
        self.page: str | None = None

    def finish(self) -> None:
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

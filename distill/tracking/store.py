"""MLflow, held quiet, impatient and out of the working directory.

Left alone, MLflow retries for minutes, prints its migrations, reports usage to its makers, and
writes `./mlflow.db` and `./mlruns`. Everything that touches it therefore stands in one block,
`connected`, which also turns whatever goes wrong in it into one sentence.
"""

from __future__ import annotations

import fcntl
import logging
import math
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from distill.config import without_secrets
from distill.errors import DistillError
from distill.paths import whole_file
from distill.tracking.view import KIND, KIND_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient

LOUD = ("mlflow", "alembic", "urllib3")
# MLflow keeps the artifacts of a database store in the working directory unless told otherwise.
DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
DATABASE_ARTIFACTS = Path("outputs")
ARTIFACTS_FOLDER = "mlartifacts"
SHOWN_CAUSE_CHARS = 300


@contextmanager
def connected(uri: str, *, timeout_s: float, retries: int) -> Iterator[MlflowClient]:
    """Yield a client of the store at `uri`, whose schema exists.

    The environment, MLflow's loggers and the warning filters are as before when the block ends.

    Args:
        uri: MLflow tracking URI; a relative SQLite path counts from the working directory.
        timeout_s: Longest that one call waits for a silent server, shared by its attempts.
        retries: Further attempts of a call that failed, >= 0.

    Raises:
        DistillError: the store, or anything in the block, failed; told without secrets.
    """
    uri = absolute_uri(uri)
    try:
        with _environment(_settings(uri, timeout_s, retries)), _quiet():
            with _alone(uri):
                _create(uri)
                _reach(uri, timeout_s)
                client = _client(uri)
            yield client
    except DistillError:
        raise
    # Drivers, artifact stores and MLflow itself each raise their own kinds.
    except Exception as error:
        raise DistillError(f"tracking: {without_secrets(uri)} failed: {_cause(error)}.") from error


def experiment_id(client: MlflowClient, name: str) -> str:
    """Return the id of the experiment, which is created where there is none.

    Raises:
        DistillError: the experiment was deleted in the store.
    """
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            location = _artifacts(client.tracking_uri, name)
            tags = {KIND_TAG: KIND}
            return str(client.create_experiment(name, artifact_location=location, tags=tags))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        # Another process was faster.
        found = client.get_experiment_by_name(name)
    if found is None or found.lifecycle_stage != "active":
        raise DistillError(
            f"tracking.experiment: {name!r} was deleted in the tracking store.",
            hint="restore it there, or choose another name",
        )
    return str(found.experiment_id)


def absolute_uri(uri: str) -> str:
    """Return `uri` with the path of a SQLite file made absolute.

    MLflow caches stores by URI, so a relative one would outlive a change of directory.
    """
    file = _sqlite_file(uri)
    if file is None:
        return uri
    from sqlalchemy.engine import make_url

    return make_url(uri).set(database=str(file)).render_as_string(hide_password=False)


def _settings(uri: str, timeout_s: float, retries: int) -> dict[str, str]:
    settings = {
        "MLFLOW_TRACKING_URI": uri,
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(max(1, math.ceil(timeout_s / (retries + 1)))),
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": str(retries),
        "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_UV_AUTO_DETECT": "false",
    }
    if "MLFLOW_DISABLE_TELEMETRY" not in os.environ:
        settings["MLFLOW_DISABLE_TELEMETRY"] = "true"
    return settings


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep MLflow off the terminal; its errors arrive as exceptions."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # The import sets the level of MLflow's logger.
        import mlflow  # noqa: F401

        levels = {name: logging.getLogger(name).level for name in LOUD}
        for name in LOUD:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)


@contextmanager
def _alone(uri: str) -> Iterator[None]:
    """Let one process at a time open a SQLite store: two that migrate a fresh file break it."""
    file = _sqlite_file(uri)
    if file is None:
        yield
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_name(f"{file.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _create(uri: str) -> None:
    """Create a SQLite store whole or not at all, and several times faster than MLflow.

    MLflow waits for the disk after each of its migrations, and one that is killed among them
    leaves a file that it never opens again.
    """
    file = _sqlite_file(uri)
    if file is None or (file.exists() and file.stat().st_size):
        return
    import sqlalchemy as sa
    from mlflow.store.db import utils as schema

    # Not part of MLflow's interface: where it is gone, MLflow creates the file its own way.
    migrate = getattr(schema, "_initialize_tables", None)
    if migrate is None:
        return
    with whole_file(file) as draft:
        engine = sa.create_engine(f"sqlite:///{draft}", poolclass=sa.NullPool)
        sa.event.listen(engine, "connect", _carefree)
        migrate(engine)


def _carefree(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA journal_mode=MEMORY")


def _reach(uri: str, timeout_s: float) -> None:
    """Open a database once: MLflow would try for more than a minute and a half."""
    dialect = uri.partition(":")[0].partition("+")[0]
    if dialect not in DATABASES:
        return
    import sqlalchemy as sa

    told = {"connect_timeout": math.ceil(timeout_s)} if dialect in {"postgresql", "mysql"} else {}
    engine = sa.create_engine(uri, connect_args=told, poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text("PRAGMA schema_version" if dialect == "sqlite" else "SELECT 1"))


def _client(uri: str) -> MlflowClient:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri)


def _artifacts(uri: str, experiment: str) -> str | None:
    """Return where an experiment's artifacts go, or `None` where a server decides."""
    if not uri.startswith(DATABASES):
        return None
    file = _sqlite_file(uri)
    folder = DATABASE_ARTIFACTS.absolute() if file is None else file.parent
    return (folder / ARTIFACTS_FOLDER / quote(experiment, safe=" ")).as_uri()


def _sqlite_file(uri: str) -> Path | None:
    if not uri.startswith("sqlite"):
        return None
    from sqlalchemy.engine import make_url

    database = make_url(uri).database
    return None if database in {None, "", ":memory:"} else Path(str(database)).absolute()


def _cause(error: BaseException) -> str:
    """Return the innermost fault of the network or the disk, else the error's own first line."""
    told = error
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, OSError):
            told = link
        link = link.__cause__ or link.__context__
    lines = str(told).splitlines() or [type(told).__name__]
    return str(without_secrets(lines[0]))[:SHOWN_CAUSE_CHARS].rstrip(". ")

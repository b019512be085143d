import fcntl
import json
import logging
import os
import re
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import warnings
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pydantic
import pytest
import yaml
from omegaconf import OmegaConf
from run_folders import make_run

from distill import tracking
from distill.component import is_component
from distill.tracking import MlflowTracking, NoTracking, Tracking, TrackingWarning

CONF = Path(__file__).parents[2] / "conf" / "tracking"
EXPERIMENT = "tried"


@pytest.fixture(scope="module", autouse=True)
def uri(tmp_path_factory):
    """A store, opened once by our door: MLflow's first use of its tables warns of SQLAlchemy."""
    from distill.tracking.store import connected

    uri = f"sqlite:///{tmp_path_factory.mktemp('store') / 'mlflow.db'}"
    with connected(uri, timeout_s=20, retries=0) as client:
        client.search_experiments()
    return uri


@pytest.fixture
def client(uri):
    from mlflow import MlflowClient

    return MlflowClient(uri)


def place(uri, *, experiment=EXPERIMENT, timeout_s=20):
    return MlflowTracking(uri=uri, experiment=experiment, timeout_s=timeout_s)


@contextmanager
def closed_port():
    """Hold a port on which nothing listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_a_run_is_in_mlflow_from_its_beginning(uri, client):
    run = place(uri).open()
    shown = client.get_run(run.run_id)
    assert shown.info.status == "RUNNING"
    assert shown.data.tags["distill.run_id"] == run.run_id
    assert re.fullmatch("[0-9a-f]{32}", run.run_id)


def test_a_finished_run_shows_what_its_folder_says(uri, client, tmp_path):
    run = place(uri).open()
    run.finish(make_run(tmp_path / "night", manifest={"run_id": run.run_id}))
    shown = client.get_run(run.run_id)
    assert shown.info.status == "FINISHED"
    assert shown.info.run_name == "night"
    assert shown.data.metrics["dataset/rows"] == 40


def test_a_failed_run_says_why_without_secrets(uri, client):
    run = place(uri).open()
    run.fail("ledger: postgresql://me:secret@db failed.")
    shown = client.get_run(run.run_id)
    assert shown.info.status == "FAILED"
    assert shown.data.tags["distill.failure"] == "ledger: postgresql://me:***@db failed."


def test_an_interrupted_run_is_shown_as_killed(uri, client):
    run = place(uri).open()
    run.kill()
    assert client.get_run(run.run_id).info.status == "KILLED"


def test_a_relative_store_lies_where_the_user_stands_with_its_artifacts_beside_it(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    run = place("sqlite:///outputs/mlflow.db", experiment="a/b #1").open()
    folder = make_run(tmp_path / "outputs" / "run", manifest={"run_id": run.run_id})
    run.finish(folder)
    found = {path.name for path in (tmp_path / "outputs").iterdir()}
    assert found == {"mlflow.db", "mlflow.db.lock", "mlartifacts", "run"}
    assert [path.name for path in tmp_path.iterdir()] == ["outputs"]
    (report,) = (tmp_path / "outputs" / "mlartifacts").rglob("report.html")
    assert report.read_text() == "report.html\n"


def test_a_relative_store_follows_a_change_of_directory(tmp_path, monkeypatch):
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        run = place("sqlite:///mlflow.db").open()
        with closing(sqlite3.connect(tmp_path / name / "mlflow.db")) as database:
            assert database.execute("SELECT run_uuid FROM runs").fetchall() == [(run.run_id,)]


def test_a_dead_server_costs_a_warning_and_nothing_else(tmp_path):
    with closed_port() as port:
        with pytest.warns(TrackingWarning, match="distill sync RUN_DIR") as told:
            run = place(f"http://me:secret@127.0.0.1:{port}").open()
        run.finish(make_run(tmp_path / "run"))
        run.fail("x")
        run.kill()
    assert len(told) == 1
    assert "Connection refused" in str(told[0].message)
    assert "secret" not in str(told[0].message)
    assert re.fullmatch("[0-9a-f]{32}", run.run_id)


def test_a_server_that_never_answers_is_waited_for_no_longer_than_allowed():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        start = time.monotonic()
        with pytest.warns(TrackingWarning, match="timed out"):
            place(address, timeout_s=1).open()
        assert 1 <= time.monotonic() - start < 10


def test_a_database_that_cannot_be_opened_is_given_up_at_once(tmp_path):
    (tmp_path / "mlflow.db").mkdir()
    start = time.monotonic()
    with pytest.warns(TrackingWarning, match="unable to open database file"):
        place(f"sqlite:///{tmp_path / 'mlflow.db'}").open()
    assert time.monotonic() - start < 10


def test_a_file_that_is_no_database_is_a_warning(tmp_path):
    (tmp_path / "mlflow.db").write_text("no database" * 100)
    with pytest.warns(TrackingWarning, match="file is not a database"):
        place(f"sqlite:///{tmp_path / 'mlflow.db'}").open()


class Experiments(BaseHTTPRequestHandler):
    """As much of a tracking server as the start of a run needs."""

    def do_GET(self):
        self._answer({"experiment": {"experiment_id": "1", "lifecycle_stage": "active"}})

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer({"run": {"info": {"run_id": "a" * 32, "status": "RUNNING"}}})

    def _answer(self, body):
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_args):
        pass


def test_a_server_that_dies_during_the_run_costs_a_warning_that_names_the_folder(tmp_path):
    folder = make_run(tmp_path / "my run")
    with closing(ThreadingHTTPServer(("127.0.0.1", 0), Experiments)) as server:
        server.close = server.server_close
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        run = place(f"http://127.0.0.1:{server.server_port}", timeout_s=4).open()
        server.shutdown()
        thread.join()
    assert run.run_id == "a" * 32
    with pytest.warns(TrackingWarning, match=f"distill sync '{folder}'"):
        run.finish(folder)
    with pytest.warns(TrackingWarning, match="as running"):
        run.fail("x")


def test_a_folder_that_cannot_be_read_is_a_warning_too(uri, tmp_path):
    run = place(uri).open()
    with pytest.warns(TrackingWarning, match="no run folder"):
        run.finish(tmp_path / "absent")


def test_mlflow_leaves_terminal_environment_loggers_and_filters_alone(tmp_path, capfd):
    import mlflow  # noqa: F401

    names = ("mlflow", "alembic", "urllib3")
    before = (dict(os.environ), list(warnings.filters), levels(names))
    run = place(f"sqlite:///{tmp_path / 'mlflow.db'}").open()
    run.finish(make_run(tmp_path / "run", student=True))
    assert (dict(os.environ), list(warnings.filters), levels(names)) == before
    assert capfd.readouterr() == ("", "")


def levels(names):
    return {name: logging.getLogger(name).level for name in names}


def test_a_store_whose_creation_fails_leaves_no_file(tmp_path, monkeypatch):
    from mlflow.store.db import utils

    def fails(engine):
        engine.connect().close()
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(utils, "_initialize_tables", fails)
        with pytest.warns(TrackingWarning, match="No space left"):
            place(f"sqlite:///{tmp_path / 'mlflow.db'}").open()
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db.lock"]


def test_no_one_else_may_touch_a_store_while_it_is_created(tmp_path, monkeypatch):
    from mlflow.store.db import utils

    migrate, refused = utils._initialize_tables, []

    def watched(engine):
        with (tmp_path / "mlflow.db.lock").open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                refused.append(True)
        migrate(engine)

    with monkeypatch.context() as patched:
        patched.setattr(utils, "_initialize_tables", watched)
        place(f"sqlite:///{tmp_path / 'mlflow.db'}").open()
    assert refused == [True]


def test_processes_that_open_a_fresh_store_at_once_all_get_a_run(tmp_path):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    code = (
        "import sys, warnings; warnings.simplefilter('error');"
        "from distill.tracking import MlflowTracking as T; import mlflow;"
        "print('ready', flush=True); sys.stdin.readline();"
        "print(T(uri=sys.argv[1], experiment='x', timeout_s=20).open().run_id)"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", code, uri],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for _ in range(2)
    ]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:
        process.stdin.write("\n")
        process.stdin.flush()
    told = [process.communicate()[0].strip() for process in started]
    assert [process.returncode for process in started] == [0, 0]
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("x")
    shown = client.search_runs([experiment.experiment_id])
    assert sorted(run.info.run_id for run in shown) == sorted(told)


def test_without_tracking_a_run_has_an_id_and_no_other_trace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = NoTracking(uri=None, experiment="x").open()
    run.finish(tmp_path)
    run.fail("x")
    run.kill()
    assert re.fullmatch("[0-9a-f]{32}", run.run_id)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("choice", ["mlflow", "none"])
def test_each_config_builds_a_component_that_opens_runs(choice, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    node = OmegaConf.create(yaml.safe_load((CONF / f"{choice}.yaml").read_text()))
    settings = OmegaConf.to_container(node, resolve=True)
    made = getattr(tracking, settings.pop("_target_").removeprefix("distill.tracking."))
    assert is_component(made)
    built = made(**settings)
    assert isinstance(built, Tracking)
    assert built.experiment == "distill"
    assert built.uri == {"mlflow": "sqlite:///outputs/mlflow.db", "none": None}[choice]


def test_the_environments_store_counts_where_the_config_names_none(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server")
    node = OmegaConf.create(yaml.safe_load((CONF / "mlflow.yaml").read_text()))
    assert node.uri == "http://server"


@pytest.mark.parametrize(
    "wrong", [{"uri": ""}, {"experiment": ""}, {"timeout_s": 0}, {"timeout_s": "20"}]
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(pydantic.ValidationError):
        MlflowTracking(**{"uri": "x", "experiment": "x", "timeout_s": 1} | wrong)


def test_importing_the_package_does_not_import_mlflow():
    code = "import sys, distill.tracking, distill.tracking_model; print('mlflow' in sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert told.stdout == "False\n"

import json
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest
from run_folders import CONFIG, OWN_ID, SHA, make_run

from distill import tracking_model
from distill.errors import DistillError, UserError
from distill.students.classifier import TrainedClassifier
from distill.tracking import mirror, sync

EXPERIMENT = "tried"


@dataclass(frozen=True)
class Store:
    """A tracking store and a client of it."""

    uri: str
    client: Any

    def runs(self):
        experiment = self.client.get_experiment_by_name(EXPERIMENT)
        return list(self.client.search_runs([experiment.experiment_id]))

    def models(self):
        experiment = self.client.get_experiment_by_name(EXPERIMENT)
        return list(self.client.search_logged_models([experiment.experiment_id]))

    def artifacts(self, run_id):
        root = Path(urlparse(self.client.get_run(run_id).info.artifact_uri).path)
        return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


class Shouting:
    def answer(self, questions):
        return [question.upper() for question in questions]


@pytest.fixture(autouse=True)
def nothing_is_written_where_the_user_stands(tmp_path_factory, monkeypatch):
    here = tmp_path_factory.mktemp("here")
    monkeypatch.chdir(here)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    yield
    assert list(here.iterdir()) == []


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory):
    """A database with MLflow's tables and nothing in them: these take a second to make."""
    from distill.tracking.store import connected

    file = tmp_path_factory.mktemp("empty") / "mlflow.db"
    with connected(f"sqlite:///{file}", timeout_s=20, retries=0) as client:
        client.search_experiments()
    return file


@pytest.fixture
def store(empty_store, tmp_path):
    return copy_of(empty_store, tmp_path / "store")


def copy_of(empty_store, folder):
    from mlflow import MlflowClient

    folder.mkdir()
    shutil.copy(empty_store, folder / "mlflow.db")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    return Store(uri=uri, client=MlflowClient(uri))


@pytest.fixture(scope="module")
def mirrored(empty_store, tmp_path_factory):
    """A run with everything in it, mirrored once, and where it went."""
    root = tmp_path_factory.mktemp("mirrored")
    store = copy_of(empty_store, root / "store")
    config = CONFIG | {"many": {f"k{i}": i for i in range(250)}, "prompt": "p" * 7000}
    folder = make_run(root / "2026-03-01_10-00-00", config=config, student=True)
    (folder / ".env").write_text("KEY=sk-planted")
    (folder / "notes.txt").write_text("not of the run")
    run_id = mirror(folder, store.uri, EXPERIMENT)
    return store, store.client.get_run(run_id), folder


def test_the_run_bears_the_name_times_and_state_of_its_folder(mirrored):
    _, run, _ = mirrored
    assert run.info.run_name == "2026-03-01_10-00-00"
    assert run.info.status == "FINISHED"
    assert run.info.start_time == 1772359200000
    assert run.info.end_time == 1772359500000


def test_every_key_of_the_config_is_a_parameter(mirrored):
    _, run, _ = mirrored
    params = run.data.params
    assert params["many.k249"] == "249"
    assert params["task._target_"] == "distill.tasks.Classify"
    assert params["task.labels"] == '["sport", "tech"]'
    assert params["prompt"].endswith("(cut: 7000 characters)")
    assert params["ledger.url"] == "postgresql://me:***@db/ledger"
    assert len(params) == 250 + 1 + 1 + 2 + 1 + 2


def test_metrics_and_tags_are_there(mirrored):
    _, run, _ = mirrored
    assert run.data.metrics["eval/real/accuracy"] == 0.72
    assert run.data.metrics["rejected/filter/min_words"] == 4
    assert run.data.tags["distill.run_id"] == OWN_ID
    assert run.data.tags["distill.verdict"] == "helps"
    assert run.data.tags["mlflow.note.content"].startswith("**helps**")


def test_data_sets_are_inputs_with_our_digests(mirrored):
    _, run, _ = mirrored
    found = {item.dataset.name: item for item in run.inputs.dataset_inputs}
    assert {name: item.dataset.digest for name, item in found.items()} == {
        name: sha[:32] for name, sha in SHA.items()
    }
    told = {
        name: {tag.key: tag.value for tag in item.tags} | json.loads(item.dataset.profile)
        for name, item in found.items()
    }
    assert told["dataset"] == {
        "mlflow.data.context": "training",
        "distill.sha256": SHA["dataset"],
        "num_rows": 40,
        "sha256": SHA["dataset"],
    }
    assert told["heldout"]["mlflow.data.context"] == "evaluation"
    assert told["seeds"]["num_rows"] == 50


def test_the_runs_own_files_are_artifacts_and_no_others(mirrored):
    store, run, _ = mirrored
    assert store.artifacts(run.info.run_id) == [
        "README.md",
        "config.yaml",
        "dataset.jsonl",
        "examples.parquet",
        "manifest.json",
        "rejected.jsonl",
        "report.html",
        "responses.parquet",
        "student/student.json",
    ]


def test_figures_are_artifacts_in_a_folder_of_their_own(store, tmp_path):
    folder = make_run(tmp_path / "run")
    (folder / "figures").mkdir()
    for name in ("arms.png", "mine.png"):
        (folder / "figures" / name).write_bytes(b"PNG")

    run_id = mirror(folder, store.uri, EXPERIMENT)

    found = [path for path in store.artifacts(run_id) if path.endswith(".png")]
    assert found == ["figures/arms.png"]


def test_the_student_is_a_model_of_the_run_with_its_own_figures(mirrored):
    store, run, _ = mirrored
    (model,) = store.models()
    assert str(model.status) == "READY"
    assert model.name != "student", "MLflow would mix the model with the folder of that name"
    assert model.source_run_id == run.info.run_id
    assert model.tags["distill.dataset.sha256"] == run.data.tags["distill.dataset.sha256"]
    assert [output.model_id for output in run.outputs.model_outputs] == [model.model_id]
    figures = {metric.key: (metric.value, metric.dataset_name) for metric in model.metrics}
    assert figures == {
        "eval/accuracy": (0.79, "heldout"),
        "eval/low": (0.73, "heldout"),
        "eval/high": (0.85, "heldout"),
        "eval/n": (200.0, "heldout"),
    }


@pytest.mark.parametrize(
    ("asked", "answers"),
    [
        pytest.param([{"question": "a"}, {"question": "b"}], ["A", "B"], id="rows"),
        pytest.param({"question": ["a", "b"]}, ["A", "B"], id="a column"),
        pytest.param({"question": "a"}, ["A"], id="one"),
    ],
)
def test_the_model_answers_a_column_of_questions(mirrored, monkeypatch, asked, answers):
    import mlflow

    store, _, _ = mirrored
    seen = []
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    monkeypatch.setattr(
        tracking_model,
        "load_student",
        lambda folder: seen.extend(path.name for path in folder.iterdir()) or Shouting(),
    )
    model = mlflow.pyfunc.load_model(f"models:/{store.models()[0].model_id}")
    assert seen == ["student.json"]
    assert list(model.predict(asked)) == answers


def test_mirroring_twice_leaves_what_once_leaves(mirrored):
    store, run, folder = mirrored
    before = store.artifacts(run.info.run_id)
    assert mirror(folder, store.uri, EXPERIMENT) == run.info.run_id
    again = store.client.get_run(run.info.run_id)
    assert len(store.runs()) == 1
    assert len(store.models()) == 1
    assert again.data.to_dictionary() == run.data.to_dictionary()
    assert len(again.inputs.dataset_inputs) == 3
    assert len(again.outputs.model_outputs) == 1
    assert again.info.end_time == run.info.end_time
    assert store.artifacts(run.info.run_id) == before
    histories = {
        key: len(store.client.get_metric_history(run.info.run_id, key)) for key in run.data.metrics
    }
    assert set(histories.values()) == {1}


def test_what_has_changed_in_the_folder_is_what_mlflow_shows(store, tmp_path):
    folder = make_run(tmp_path / "run")
    run_id = mirror(folder, store.uri, EXPERIMENT)
    make_run(folder, manifest={"rows": 12, "verdict": "hurts"})
    (folder / "report.html").write_text("new")
    assert mirror(folder, store.uri, EXPERIMENT) == run_id
    run = store.client.get_run(run_id)
    assert run.data.metrics["dataset/rows"] == 12
    assert run.data.tags["distill.verdict"] == "hurts"
    report = store.client.download_artifacts(run_id, "report.html", str(tmp_path))
    assert Path(report).read_text() == "new"


def test_a_model_whose_upload_was_cut_short_is_completed(store, tmp_path, monkeypatch):
    folder = make_run(tmp_path / "run", student=True)
    with monkeypatch.context() as broken:
        broken.setattr("mlflow.MlflowClient.finalize_logged_model", fails)
        with pytest.raises(DistillError, match="No space left"):
            mirror(folder, store.uri, EXPERIMENT)
    assert [str(model.status) for model in store.models()] == ["PENDING"]
    run_id = mirror(folder, store.uri, EXPERIMENT)
    assert [str(model.status) for model in store.models()] == ["READY"]
    assert store.client.get_run(run_id).outputs.model_outputs[0].model_id == (
        store.models()[0].model_id
    )


def fails(*_args, **_kwargs):
    raise OSError(28, "No space left on device")


def test_a_run_that_mlflow_never_saw_is_found_again_by_its_own_id(store, tmp_path):
    folder = make_run(tmp_path / "run")
    first = mirror(folder, store.uri, EXPERIMENT)
    assert first != OWN_ID
    assert mirror(folder, store.uri, EXPERIMENT, run_id="f" * 32) == first


def test_a_run_that_was_deleted_in_mlflow_is_made_anew(store, tmp_path):
    folder = make_run(tmp_path / "run", student=True)
    first = mirror(folder, store.uri, EXPERIMENT)
    store.client.delete_run(first)
    second = mirror(folder, store.uri, EXPERIMENT, run_id=first)
    assert second != first
    assert second in [model.source_run_id for model in store.models()]


@pytest.mark.parametrize("status", ["failed", "killed"])
def test_a_run_that_did_not_end_well_says_so(store, tmp_path, status):
    folder = make_run(tmp_path / "run", manifest={"status": status})
    run_id = mirror(folder, store.uri, EXPERIMENT)
    assert store.client.get_run(run_id).info.status == status.upper()


def test_a_deleted_experiment_is_named(store, tmp_path):
    folder = make_run(tmp_path / "run")
    mirror(folder, store.uri, EXPERIMENT)
    found = store.client.get_experiment_by_name(EXPERIMENT)
    store.client.delete_experiment(found.experiment_id)
    with pytest.raises(DistillError, match="'tried' was deleted"):
        mirror(folder, store.uri, EXPERIMENT)


def test_sync_takes_store_and_experiment_from_the_run_itself(store, tmp_path):
    tracking = {"uri": store.uri, "experiment": EXPERIMENT}
    folder = make_run(tmp_path / "run", config={"tracking": tracking})
    run_id = sync(folder, None, None)
    assert [run.info.run_id for run in store.runs()] == [run_id]


def test_sync_takes_the_environments_store_where_a_password_was_masked(
    store, tmp_path, monkeypatch
):
    tracking = {"uri": "http://me:***@server", "experiment": EXPERIMENT}
    folder = make_run(tmp_path / "run", config={"tracking": tracking})
    with pytest.raises(UserError, match="MLFLOW_TRACKING_URI"):
        sync(folder, None, None)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    assert sync(folder, None, None) == store.runs()[0].info.run_id


def test_sync_of_a_folder_that_is_no_run_is_the_users_to_mend(tmp_path):
    with pytest.raises(UserError, match="no run folder"):
        sync(tmp_path, "http://127.0.0.1:9", "x")


def test_sync_to_a_server_that_is_down_says_so_without_its_password(tmp_path):
    folder = make_run(tmp_path / "run")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        uri = f"http://me:secret@127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(DistillError, match="Connection refused") as caught:
            sync(folder, uri, "x")
    assert caught.value.exit_status == 1
    assert caught.value.hint
    assert "secret" not in str(caught.value)


def test_a_model_answers_in_a_process_that_has_only_the_model(store, tmp_path):
    folder = make_run(tmp_path / "run", student=True)
    trained_student().save(folder / "student")
    tracking_model.load_student(folder / "student")
    mirror(folder, store.uri, EXPERIMENT)
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "import mlflow, sys; m = mlflow.pyfunc.load_model(sys.argv[1]);"
            "print(m.predict({'question': ['goal match', 'chip code']}))",
            f"models:/{store.models()[0].model_id}",
        ],
        cwd=tmp_path,
        env=os.environ | {"MLFLOW_TRACKING_URI": store.uri, "MLFLOW_DISABLE_TELEMETRY": "true"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == "['sport', 'tech']"


def trained_student():
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.naive_bayes import ComplementNB
    from sklearn.pipeline import make_pipeline

    pipeline = make_pipeline(TfidfVectorizer(), ComplementNB())
    pipeline.fit(["goal match win", "chip code bug"], [0, 1])
    return TrainedClassifier(pipeline=pipeline, labels=("sport", "tech"))

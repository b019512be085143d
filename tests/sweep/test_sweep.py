from __future__ import annotations

import csv
import json
from pathlib import Path

import yaml
from workbench import QUESTIONS, Workbench

TRACKED = ("tracking=mlflow", "tracking.uri=sqlite:///store/mlflow.db")
# Above what Linux gives out.
NO_PROCESS = 2**22 + 1
THRESHOLDS = "judge.threshold=0.2,0.5,0.9"


def points(bench: Workbench) -> list[Path]:
    return sorted(path for path in bench.out.iterdir() if path.is_dir())


def table(bench: Workbench) -> list[dict[str, str]]:
    with (bench.out / "sweep.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_sweep_pays_once_and_leaves_a_folder_a_point(bench: Workbench) -> None:
    ended = bench.main([*bench.with_judge("filter=none", THRESHOLDS), "-m"])

    assert ended.status == 0, ended.err
    assert bench.api.count("teacher") == len(QUESTIONS)
    assert bench.api.count("judge") == len(QUESTIONS)
    assert [path.name for path in points(bench)] == [
        "0_judge.threshold=0.2",
        "1_judge.threshold=0.5",
        "2_judge.threshold=0.9",
    ]
    rows = table(bench)
    assert [row["judge.threshold"] for row in rows] == ["0.2", "0.5", "0.9"]
    assert [row["status"] for row in rows] == ["done"] * 3
    assert [int(row["requests"]) for row in rows] == [2 * len(QUESTIONS), 0, 0]
    assert (bench.out / "sweep.png").read_bytes().startswith(b"\x89PNG")
    assert not (bench.out / "multirun.yaml").exists()
    assert "judge.threshold" in ended.out


def test_a_swept_mapping_of_the_users_own_replaces_the_default(bench: Workbench) -> None:
    swept = "judge.floors={accuracy: 1, clarity: 2},{clarity: 3}"
    ended = bench.main([*bench.with_judge("filter=none", swept), "-m"])

    assert ended.status == 0, ended.err
    configs = [yaml.safe_load((point / "config.yaml").read_text()) for point in points(bench)]
    assert [config["judge"]["floors"] for config in configs] == [
        {"accuracy": 1, "clarity": 2},
        {"clarity": 3},
    ]


def test_two_workers_share_what_they_pay_for(bench: Workbench) -> None:
    words = bench.with_judge("filter=none", THRESHOLDS, "hydra/launcher=joblib")
    ended = bench.process([*words, "hydra.launcher.n_jobs=2", "-m"], timeout_s=120)

    assert ended.status == 0, ended.err
    assert bench.api.count("teacher") == len(QUESTIONS)
    assert bench.api.count("judge") == len(QUESTIONS)
    assert len({row["dataset_sha256"] for row in table(bench)}) >= 1
    assert [row["status"] for row in table(bench)] == ["done"] * 3


def test_faults_of_any_point_are_told_before_the_first_one_runs(bench: Workbench) -> None:
    ended = bench.main([*bench.with_judge("judge.threshold=0.5,7"), "-m"])

    assert ended.status == 2
    assert "judge.threshold: got 7" in ended.err
    assert bench.api.count() == 0
    assert not bench.out.exists()


def test_a_point_that_fails_does_not_take_the_others_along(bench: Workbench) -> None:
    bench.write("empty.jsonl", [{"question": ""}])
    ended = bench.main(
        [*bench.words("judge=none", "filter=none", "seeds.path=empty.jsonl,seeds.jsonl"), "-m"]
    )

    assert ended.status == 1
    assert [row["status"] for row in table(bench)] == ["failed", "done"]
    assert "empty.jsonl" in table(bench)[0]["error"]
    assert "failed:" in ended.out


def test_the_same_sweep_again_runs_only_what_is_missing(bench: Workbench) -> None:
    words = [*bench.with_judge("filter=none", THRESHOLDS), "-m"]
    bench.main(words)
    kept = (points(bench)[0] / "manifest.json").read_bytes()
    killed_once_published = points(bench)[0] / f".draft-{NO_PROCESS}"
    killed_once_published.mkdir()
    (points(bench)[1] / "manifest.json").unlink()
    for name in ("dataset.jsonl", "README.md"):
        (points(bench)[1] / name).unlink()

    ended = bench.main(words)

    assert ended.status == 1  # what is left of the point without a manifest is nobody's run
    assert (points(bench)[0] / "manifest.json").read_bytes() == kept
    assert not killed_once_published.exists()
    assert bench.api.count("teacher") == len(QUESTIONS)


def test_mlflow_shows_one_parent_with_a_child_a_point(bench: Workbench) -> None:
    ended = bench.main([*bench.with_judge("filter=none", THRESHOLDS, *TRACKED), "-m"])
    assert ended.status == 0, ended.err

    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{bench.folder}/store/mlflow.db")
    experiment = client.get_experiment_by_name("distill")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    children = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    assert len(parents) == 1
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert {run.info.run_name for run in children} == {
        "judge.threshold=0.2",
        "judge.threshold=0.5",
        "judge.threshold=0.9",
    }
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parents[0].info.run_id}
    files = {item.path for item in client.list_artifacts(parents[0].info.run_id)}
    assert files == {"sweep.csv", "sweep.png", "sweep.json"}
    assert parents[0].data.metrics["sweep/points"] == 3
    assert "judge.threshold=0.2" not in parents[0].data.tags["mlflow.note.content"]
    assert "| 0.2 |" in parents[0].data.tags["mlflow.note.content"]
    assert all("paths.out" not in run.data.params for run in children)
    experiment_tags = client.get_experiment(experiment.experiment_id).tags
    view_key = f"sweep-{parents[0].info.run_id[:12]}"
    view = json.loads(experiment_tags[f"mlflow.sharedViewState.{view_key}"])
    assert view["selectedColumns"][0] == "params.`judge.threshold`"
    assert parents[0].info.run_id in view["searchFilter"]
    assert f"viewStateShareKey={view_key}" in ended.out


def test_a_sweep_goes_on_where_the_tracking_store_cannot_be_reached(bench: Workbench) -> None:
    dead = ("tracking=mlflow", "tracking.uri=http://127.0.0.1:9", "tracking.timeout_s=2")
    ended = bench.process([*bench.with_judge("filter=none", THRESHOLDS, *dead), "-m"])

    assert ended.status == 0, ended.err
    assert "warning: tracking" in ended.err
    manifest = json.loads((points(bench)[0] / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["rows"] == int(table(bench)[0]["rows"])


def test_a_sweep_that_mlflow_never_saw_is_brought_in_whole_and_once(bench: Workbench) -> None:
    dead = ("tracking=mlflow", "tracking.uri=http://127.0.0.1:9", "tracking.timeout_s=2")
    ended = bench.process([*bench.with_judge("filter=none", THRESHOLDS, *dead), "-m"])
    assert ended.status == 0, ended.err

    for _ in range(2):
        ended = bench.main(["sync", str(bench.out), TRACKED[1]])
        assert ended.status == 0, ended.err

    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{bench.folder}/store/mlflow.db")
    experiment = client.get_experiment_by_name("distill")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    children = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    assert (len(parents), len(children)) == (1, 3)
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parents[0].info.run_id}
    assert {run.info.status for run in runs} == {"FINISHED"}
    history = client.get_metric_history(children[0].info.run_id, "funnel/selected")
    assert len(history) == 1


def test_a_sweep_with_a_failed_point_has_failed_and_says_which(bench: Workbench) -> None:
    bench.write("empty.jsonl", [{"question": ""}])
    seeds = "seeds.path=empty.jsonl,seeds.jsonl"
    ended = bench.main([*bench.words("judge=none", "filter=none", seeds, *TRACKED), "-m"])
    assert ended.status == 1

    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{bench.folder}/store/mlflow.db")
    experiment = client.get_experiment_by_name("distill")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    parent = next(run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    assert parent.info.status == "FAILED"
    assert parent.data.metrics["sweep/failed"] == 1
    assert "| failed |" in parent.data.tags["mlflow.note.content"]
    points = {run.info.run_name: run.info.status for run in runs if run is not parent}
    assert points == {"seeds.path=empty.jsonl": "FAILED", "seeds.path=seeds.jsonl": "FINISHED"}


def test_submitit_runs_the_points_in_processes_of_its_own(bench: Workbench) -> None:
    words = bench.with_judge("filter=none", THRESHOLDS, *TRACKED, "hydra/launcher=submitit_local")
    ended = bench.process([*words, "-m"], timeout_s=240)

    assert ended.status == 0, ended.err
    # The jobs repeat the overrides, and one of them may hold a password.
    assert list((bench.out / ".submitit").rglob("*_log.out"))
    assert not list(bench.out.rglob("*.pkl"))
    assert bench.api.count("teacher") == len(QUESTIONS)
    assert bench.api.count("judge") == len(QUESTIONS)
    assert [row["status"] for row in table(bench)] == ["done"] * 3


def test_values_of_a_range_are_rounded(bench: Workbench) -> None:
    swept = "judge.threshold=range(0.6,0.9,0.1)"
    ended = bench.main([*bench.with_judge("filter=none", swept), "-m"])

    assert ended.status == 0, ended.err
    assert [row["judge.threshold"] for row in table(bench)] == ["0.6", "0.7", "0.8", "0.9"]


def test_a_mistyped_launcher_is_told_before_anything_is_opened(bench: Workbench) -> None:
    words = bench.with_judge(THRESHOLDS, "hydra/launcher=jobllib", *TRACKED)
    ended = bench.main([*(word for word in words if word != "tracking=none"), "-m"])

    assert ended.status == 2
    assert "hydra/launcher: got 'jobllib', want one of basic, joblib" in ended.err
    assert "did you mean joblib?" in ended.err
    assert bench.api.count() == 0
    assert not bench.out.exists()
    assert not (bench.folder / "store").exists()


def test_a_mistyped_key_of_a_launcher_is_told_before_anything_is_opened(bench: Workbench) -> None:
    words = bench.with_judge(THRESHOLDS, "hydra/launcher=joblib", "hydra.launcher.n_job=2")
    ended = bench.main([*words, "-m"])

    assert ended.status == 2
    assert "hydra.launcher.n_job" in ended.err
    assert bench.api.count() == 0
    assert not bench.out.exists()

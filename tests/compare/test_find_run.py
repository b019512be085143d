"""How a run is found by what people call it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from compared_runs import IDS, answers, heldout_answers, make_run

from distill.errors import UserError
from distill.runs import find_run, local_runs

HELDOUT = heldout_answers({"real_and_distilled": [1.0, 0.0]})


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_at(path: str, *, minute: int = 0, **told: Any) -> Path:
    folder = make_run(Path(path), answers(2), manifest=told)
    os.utime(folder / "manifest.json", ns=(0, (minute + 1) * 60_000_000_000))
    return folder


def found(reference: str, uri: str | None = None, **how: Any) -> Path:
    with find_run(reference, uri, **how) as folder:
        return folder


def refused(reference: str, uri: str | None = None, **how: Any) -> str:
    with pytest.raises(UserError) as caught, find_run(reference, uri, **how):
        pass
    return str(caught.value)


@pytest.mark.parametrize("reference", ["somewhere/mine", "somewhere/mine/manifest.json"])
def test_a_folder_or_its_manifest_names_a_run(reference: str) -> None:
    folder = run_at("somewhere/mine")
    assert found(reference) == folder


def test_a_run_below_outputs_is_found_by_id_beginning_of_id_folder_and_point() -> None:
    one = run_at(
        "outputs/x/0_judge.threshold=0.5", sweep={"id": "p", "point": "judge.threshold=0.5"}
    )
    run_at("outputs/x/other", run_id=IDS["b"])
    for name in (IDS["a"], IDS["a"][:6], "0_judge.threshold=0.5", "judge.threshold=0.5"):
        assert found(name) == one


def test_latest_counts_back_from_the_run_that_ended_last() -> None:
    first = run_at("outputs/x/first", minute=1, run_id="f" * 32)
    third = run_at("outputs/y/third", minute=3, run_id="e" * 32)
    second = run_at("outputs/x/second", minute=2, run_id="d" * 32)
    assert [found(name) for name in ("latest", "latest~1", "latest~2")] == [third, second, first]
    assert refused("latest~3").startswith("latest~3: there are 3 finished runs below outputs/.")


def test_latest_is_no_copy_in_a_tracking_store_no_draft_and_no_part_of_a_run() -> None:
    mine = run_at("outputs/x/mine", minute=1)
    run_at("outputs/mlartifacts/distill/abc/artifacts", minute=2)
    run_at("outputs/x/half/.draft-12", minute=3)
    run_at("outputs/x/mine/student", minute=4)
    assert found("latest") == mine


def test_without_runs_latest_says_so() -> None:
    assert "there are 0 finished runs" in refused("latest")


def test_an_unknown_name_is_told_with_the_names_that_come_near() -> None:
    run_at("outputs/x/2026-03-01_10-00-00")
    told = refused("2026-03-01_10-00-01")
    assert "no run is called '2026-03-01_10-00-01'" in told
    assert "did you mean 2026-03-01_10-00-00?" in told
    assert "looked below outputs/" in told


def test_a_name_like_no_other_is_answered_with_the_newest_runs() -> None:
    run_at("outputs/x/alpha")
    assert "the newest are alpha (aaaa1111)" in refused("zzz")


def test_a_folder_without_a_run_says_what_is_missing() -> None:
    Path("empty").mkdir()
    assert "the folder of that name holds no manifest.json" in refused("empty")


def test_a_folder_of_runs_names_them() -> None:
    run_at("outputs/sweep/0_a", run_id="f" * 32)
    run_at("outputs/sweep/1_b", run_id="e" * 32)
    told = refused("outputs/sweep")
    assert "no run, but a folder of 2" in told
    assert "outputs/sweep/0_a" in told


def test_a_folder_around_this_one_is_not_searched_for_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_at("outputs/x/mine")
    Path("here/deep").mkdir(parents=True)
    monkeypatch.chdir("here/deep")
    told = refused("../..")
    assert "the folder of that name holds no manifest.json" in told
    assert "mine" not in told


def test_a_name_that_two_runs_bear_is_refused_with_both_ids() -> None:
    for sweep, run_id in (("one", "f" * 32), ("two", "e" * 32)):
        run_at(f"outputs/{sweep}/0_x", run_id=run_id, sweep={"id": "p", "point": "seed=1"})
    told = refused("seed=1")
    assert "2 runs are called 'seed=1'" in told
    assert "f" * 32 in told
    assert "outputs/two/0_x" in told


def test_two_copies_of_one_run_are_one_run_the_later_one() -> None:
    run_at("outputs/x/old", minute=1)
    new = run_at("outputs/x/new", minute=2)
    assert found(IDS["a"]) == new


def test_a_damaged_manifest_below_outputs_hides_no_other_run() -> None:
    good = run_at("outputs/x/good")
    for name, text in {"cut": '{"run_id": "ab', "list": "[]", "latin": "é"}.items():
        (Path("outputs/x") / name).mkdir()
        (Path("outputs/x") / name / "manifest.json").write_bytes(text.encode("latin-1"))
    assert [run.place for run in local_runs()] == [str(good)]


def test_looking_creates_no_store() -> None:
    told = refused("nothing", "sqlite:///not/there.db")
    assert "in sqlite:///not/there.db, which does not exist" in told
    assert list(Path().iterdir()) == []


def test_passwords_of_the_store_are_not_told() -> None:
    assert "secret" not in refused("nothing", "sqlite:///no.db?password=secret")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with two runs of two sweeps, a sweep, a failed run and a copy of a run."""
    from distill.tracking import mirror
    from distill.tracking.store import connected, experiment_id

    root = tmp_path_factory.mktemp("store")
    uri = f"sqlite:///{root / 'mlflow.db'}"
    with connected(uri, timeout_s=20, retries=0) as client:
        experiment = experiment_id(client, "first")
        sweep = client.create_run(experiment, run_name="sweep one").info.run_id
        client.create_run(experiment, run_name="broken")
    point = {"id": sweep, "point": "judge.threshold=0.5"}
    here = make_run(root / "here", answers(3), manifest={"sweep": point}, heldout=HELDOUT)
    other = make_run(root / "run_b", answers(4), side="b", manifest={"sweep": {"point": "x='y'"}})
    mirror(here, uri, "first")
    mirror(other, uri, "first")
    mirror(other, uri, "second")
    return uri


def test_a_tracked_run_is_found_by_id_name_and_beginning_and_gone_afterwards(store: str) -> None:
    for name in (IDS["a"], "judge.threshold=0.5", IDS["a"][:5]):
        with find_run(name, store) as folder:
            assert folder.name == "judge.threshold=0.5"
            assert (folder / "examples.parquet").is_file()
            assert (folder / "student" / "heldout.parquet").is_file()
        assert not folder.exists()


def test_a_tracked_run_is_found_by_the_id_that_mlflow_gave_it(store: str) -> None:
    from mlflow import MlflowClient

    from distill.tracking.store import connected

    with connected(store, timeout_s=20, retries=0) as client:
        assert isinstance(client, MlflowClient)
        experiment = client.get_experiment_by_name("first")
        assert experiment is not None
        runs = client.search_runs([experiment.experiment_id], "tags.`distill.run_id` LIKE 'bbbb%'")
        given = runs[0].info.run_id
    for name in (given, given[:12]):
        with find_run(name, store) as folder:
            assert IDS["b"] in (folder / "manifest.json").read_text()


def test_only_the_files_that_are_wanted_are_downloaded(store: str) -> None:
    with find_run(IDS["a"], store, names=("config.yaml",)) as folder:
        assert sorted(path.name for path in folder.iterdir()) == ["config.yaml", "manifest.json"]


def test_a_name_with_quotes_is_found(store: str) -> None:
    with find_run("x='y'", store) as folder:
        assert folder.name == "x=_y_"


def test_names_and_ids_that_no_filter_can_hold_are_unknown_not_an_error(store: str) -> None:
    for name in ("a'b\"c", "back\\slash", "line\nbreak", "%"):
        assert "no run is called" in refused(name, store)


def test_a_run_that_was_mirrored_twice_is_one_run(store: str) -> None:
    with find_run(IDS["b"], store) as folder:
        assert folder.name == "x=_y_"


def test_an_experiment_narrows_the_search(store: str) -> None:
    assert "no run is called" in refused("judge.threshold=0.5", store, experiment="second")
    assert "no experiment 'third'" in refused("x", store, experiment="third")


def test_a_sweep_is_told_with_its_points(store: str) -> None:
    told = refused("sweep one", store)
    assert "a sweep of 1 runs, not a run" in told
    assert "judge.threshold=0.5" in told


def test_a_run_that_left_nothing_says_so(store: str) -> None:
    told = refused("broken", store)
    assert "its status is RUNNING and it left no files" in told


def test_near_names_of_the_store_are_offered(store: str) -> None:
    assert "did you mean judge.threshold=0.5" in refused("judge.treshold=0.5", store)


def test_where_a_store_is_named_outputs_is_not_searched(store: str) -> None:
    run_at("outputs/x/only-here", run_id="f" * 32)
    assert "no run is called" in refused("only-here", store)
    assert found("only-here").name == "only-here"


def test_the_environment_names_the_store(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    with find_run("judge.threshold=0.5") as folder:
        assert (folder / "manifest.json").is_file()

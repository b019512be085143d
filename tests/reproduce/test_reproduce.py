"""Runs that rebuild: from wherever they lie, with nothing else left of them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fake_api import Message, Raw, Status, good_answer
from stored_runs import copied, edit_manifest
from workbench import QUESTIONS, Ended, Workbench

TRACKED = ("tracking=mlflow", "tracking.uri=sqlite:///store/mlflow.db")
URI = "tracking.uri=sqlite:///store/mlflow.db"
LABELS = "task.labels=[short,long]"

CutOff = Callable[[], None]


def varied(prompt: str, body: Any, attempt: int) -> Any:
    """Answer so that every stage drops something."""
    if QUESTIONS[1] in prompt:
        return Message("I will not.", stop_reason="refusal")
    if QUESTIONS[2] in prompt:
        return "too short"
    return good_answer(prompt, body, attempt)


def graded(prompt: str, body: Any, attempt: int) -> int:
    del body, attempt
    return 2 if QUESTIONS[3] in prompt else 5


def assert_identical(ended: Ended, run: Path) -> None:
    manifest = json.loads((run / "manifest.json").read_text())
    assert ended.status == 0, ended.out + ended.err
    assert ended.out.splitlines()[:3] == [
        f"dataset: identical, sha256 {manifest['dataset_sha256']}",
        f"config:  identical, sha256 {manifest['config_sha256']}",
        f"seeds:   identical, sha256 {manifest['inputs']['seeds']['rows_sha256']}",
    ]
    assert f"Run {manifest['run_id']} is rebuilt" in ended.out
    assert ended.err == ""


def test_a_run_rebuilds_from_its_folder_alone(bench: Workbench, cut_off: CutOff) -> None:
    bench.api.teacher, bench.api.grade = varied, graded
    bench.run("select.max_rows=2")
    assert set(bench.reasons.values()) == {
        "generate/refusal",
        "filter/min_words",
        "judge/below_threshold",
        "select/over_max_rows",
    }
    before = bench.files(bench.out)
    cut_off()

    ended = bench.main(["reproduce", "runs/one"])

    assert_identical(ended, bench.out)
    assert bench.api.count() == 0
    assert bench.files() == {f"runs/one/{name}": data for name, data in before.items()}


def test_the_line_at_the_end_says_how_many_responses_answered(
    bench: Workbench, cut_off: CutOff
) -> None:
    bench.run()
    cut_off()

    ended = bench.main(["reproduce", "runs/one"])

    assert "from 12 stored responses; no model was asked." in ended.out


def test_a_tracked_run_rebuilds_by_its_id_from_mlflow_alone(
    bench: Workbench, cut_off: CutOff
) -> None:
    bench.api.teacher, bench.api.grade = varied, graded
    bench.run(*TRACKED)
    manifest = bench.manifest
    kept = copied(bench.out, "kept")
    shutil.rmtree(bench.out)
    cut_off()

    ended = bench.main(["reproduce", manifest["run_id"], URI])

    assert_identical(ended, kept)
    assert bench.api.count() == 0


def test_a_store_that_is_not_there_is_not_made(bench: Workbench) -> None:
    ended = bench.main(["reproduce", "0" * 32, URI])

    assert ended.status == 2
    assert "no run is called" in ended.err
    assert not (bench.folder / "store").exists()


def test_a_config_file_rebuilds_from_the_ledger_that_is_named(bench: Workbench) -> None:
    bench.run()
    config = bench.folder / "config.yaml"
    shutil.copy(bench.out / "config.yaml", config)
    digest = bench.manifest["dataset_sha256"]
    shutil.rmtree(bench.out)
    bench.api.forget()

    ended = bench.main(["reproduce", "config.yaml", "ledger.url=ledger.db"])

    assert ended.status == 0, ended.out + ended.err
    assert f"dataset: rebuilt, sha256 {digest}" in ended.out
    assert "no manifest to compare with" in ended.out
    assert bench.api.count() == 0


def test_a_config_file_beside_its_manifest_is_compared_with_it(bench: Workbench) -> None:
    bench.run()

    ended = bench.main(["reproduce", "runs/one/config.yaml", "ledger.url=ledger.db"])

    assert_identical(ended, bench.out)


def test_a_config_file_without_its_ledger_says_which_rows_have_no_response(
    bench: Workbench,
) -> None:
    bench.run()
    bench.ledger.rename(bench.folder / "away.db")
    shutil.copy(bench.out / "config.yaml", "config.yaml")

    unnamed = bench.main(["reproduce", "config.yaml"])
    absent = bench.main(["reproduce", "config.yaml", "ledger.url=ledger.db"])
    assert (unnamed.status, absent.status) == (2, 2)
    assert "ledger.url: got 'ledger.db', want a ledger that exists" in absent.err
    assert not bench.ledger.exists()
    assert not (bench.folder / "outputs").exists()

    bench.main(bench.words("judge=none", "filter=none", "task.system=other", "paths.out=runs/two"))
    ended = bench.main(["reproduce", "config.yaml", "ledger.url=ledger.db"])
    assert ended.status == 1
    assert "row s0: its response is missing (generate)." in ended.out


def test_samples_and_real_labels_rebuild_in_their_order(bench: Workbench, cut_off: CutOff) -> None:
    rows = [{"id": f"s{i}", "question": q, "answer": f"#### {i}"} for i, q in enumerate(QUESTIONS)]
    bench.write("seeds.jsonl", rows)
    bench.api.teacher = lambda prompt, body, attempt: f"about #### {attempt % 2}"
    run = bench.main(
        bench.words(
            "task=math",
            "judge=agreement",
            "judge.threshold=0.6",
            "teacher.samples=3",
            "teacher.concurrency=1",
            "seeds.real_labels=2",
        )
    )
    assert run.status == 0, run.err
    assert bench.table.filter(source="real").height == 2
    cut_off()

    assert_identical(bench.main(["reproduce", "runs/one"]), bench.out)


def test_votes_for_labels_rebuild(bench: Workbench, cut_off: CutOff) -> None:
    votes = ["short", "long", "long"]
    bench.api.teacher = lambda prompt, body, attempt: json.dumps({"label": votes[attempt % 3]})
    run = bench.main(
        bench.words("task=classify", LABELS, "teacher.samples=3", "judge.threshold=0.1")
    )
    assert run.status == 0, run.err
    cut_off()

    assert_identical(bench.main(["reproduce", "runs/one"]), bench.out)


def test_label_scores_rebuild_without_the_embedded_model(bench: Workbench, cut_off: CutOff) -> None:
    def scored(prompt: str, body: Any, attempt: int) -> Raw:
        likely = -0.1 - 0.01 * (len(prompt) % 7)
        message = {
            "id": "msg_fake",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": [],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 9, "output_tokens": 0},
            "label_logprobs": dict(zip(body["label_scores"], (likely, -2.0), strict=True)),
        }
        return Raw(json.dumps(message).encode())

    bench.api.teacher = scored
    run = bench.main(bench.words("task=classify", LABELS, "teacher=local", "judge.threshold=0.1"))
    assert run.status == 0, run.err
    cut_off()

    assert_identical(bench.main(["reproduce", "runs/one"]), bench.out)


def test_requests_that_failed_in_the_run_fail_again_in_the_same_words(
    bench: Workbench, cut_off: CutOff
) -> None:
    bench.api.teacher = lambda prompt, body, attempt: (
        Status(500) if QUESTIONS[0] in prompt else good_answer(prompt, body, attempt)
    )
    bench.api.grade = lambda prompt, body, attempt: Status(400) if QUESTIONS[4] in prompt else 5
    bench.run("guard.unscored.mode=warn")
    assert bench.reasons == {"s0": "generate/error", "s4": "judge/unscored"}
    cut_off()

    assert_identical(bench.main(["reproduce", "runs/one"]), bench.out)


def test_a_vote_of_the_judge_that_failed_leaves_no_word_and_rebuilds(
    bench: Workbench, cut_off: CutOff
) -> None:
    bench.api.grade = lambda prompt, body, attempt: (
        Status(400) if QUESTIONS[4] in prompt and attempt == 1 else 5
    )
    bench.run("judge.via.samples=2", "judge.concurrency=1")
    assert bench.manifest["judge"]["failed"] == 1
    assert bench.reasons == {}
    cut_off()

    assert_identical(bench.main(["reproduce", "runs/one"]), bench.out)


def test_a_reply_of_the_judge_that_was_asked_for_twice_rebuilds(
    bench: Workbench, cut_off: CutOff
) -> None:
    bench.api.grade = lambda prompt, body, attempt: (
        Message("no JSON") if QUESTIONS[4] in prompt and attempt == 0 else 5
    )
    bench.run()
    assert bench.manifest["judge"]["requests"] == len(QUESTIONS) + 1
    cut_off()

    assert_identical(bench.main(["reproduce", "runs/one"]), bench.out)


def test_an_empty_dataset_rebuilds(bench: Workbench, cut_off: CutOff) -> None:
    bench.api.teacher = lambda *_: "no"
    bench.run()
    assert bench.manifest["rows"] == 0
    cut_off()

    assert_identical(bench.main(["reproduce", "runs/one"]), bench.out)


def test_out_gets_the_rebuilt_files_and_may_be_used_again(
    bench: Workbench, cut_off: CutOff
) -> None:
    bench.api.teacher, bench.api.grade = varied, graded
    bench.run()
    cut_off()

    for _ in range(2):
        ended = bench.main(["reproduce", "runs/one", "--out", "rebuilt"])
        assert ended.status == 0, ended.err

    files, run = bench.files(bench.folder / "rebuilt"), bench.files(bench.out)
    assert set(files) == {
        "dataset.jsonl",
        "rejected.jsonl",
        "examples.parquet",
        "reproduced.json",
    }
    for name in ("dataset.jsonl", "rejected.jsonl", "examples.parquet"):
        assert files[name] == run[name]
    about = json.loads(files["reproduced.json"])
    assert about["identical"] is True
    assert about["dataset_sha256"] == hashlib.sha256(files["dataset.jsonl"]).hexdigest()


def test_an_empty_out_is_told_and_not_taken_for_none(bench: Workbench) -> None:
    bench.run_unjudged()
    ended = bench.main(["reproduce", "runs/one", "--out", ""])
    assert ended.status == 2
    assert "--out: got ''" in ended.err


@pytest.mark.parametrize("out", ["runs/one", "runs/one/again", "runs/one/../one/x", "taken"])
def test_out_is_never_the_run_or_what_belongs_to_somebody_else(bench: Workbench, out: str) -> None:
    bench.run_unjudged()
    bench.write("taken/dataset.jsonl", [{"a": 1}])
    before = bench.files()

    ended = bench.main(["reproduce", "runs/one", "--out", out])

    assert ended.status == 2
    assert "--out: got" in ended.err
    assert bench.files() == before


def test_out_through_a_link_into_the_run_is_refused(bench: Workbench) -> None:
    bench.run_unjudged()
    (bench.folder / "link").symlink_to(bench.out)

    ended = bench.main(["reproduce", "runs/one", "paths.out=link/inside"])

    assert ended.status == 2
    assert not (bench.out / "inside").exists()


def test_code_and_libraries_of_another_day_are_noted_where_the_dataset_is_the_same(
    bench: Workbench,
) -> None:
    bench.run()

    def change(manifest: dict[str, Any]) -> None:
        manifest["implementation"]["filter.min_words"] = "0" * 16
        manifest["versions"]["polars"] = "1.0.0"

    edit_manifest(bench.out, change)

    ended = bench.main(["reproduce", "runs/one"])

    assert ended.status == 0
    assert f"polars {pl.__version__}, then 1.0.0" in ended.out
    assert "other code (filter.min_words)" in ended.out


def test_a_run_of_a_newer_format_is_refused_with_the_advice_to_upgrade(bench: Workbench) -> None:
    bench.run_unjudged()
    edit_manifest(bench.out, lambda manifest: manifest.update(format=2, run_id=None))

    ended = bench.main(["reproduce", "runs/one"])

    assert ended.status == 2
    assert "a run of format 2; this release reads up to 1" in ended.err
    assert "upgrade" in ended.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(["runs/none"], "no run is called", id="no such run"),
        pytest.param(["none.yaml"], "no such config file", id="no such config"),
        pytest.param(["runs/one", "judge.threshold=0.1"], "judge.threshold: no such key", id="key"),
        pytest.param(["runs/one", "trakcing.uri=x"], "did you mean tracking.uri?", id="typo"),
        pytest.param(["runs/one", "budget.max_usd=-1"], "budget.max_usd: got -1", id="value"),
        pytest.param(["tracking.uri=x"], "which run?", id="no run"),
        pytest.param(["runs/one", "more"], "override: got 'more'", id="two runs"),
    ],
)
def test_what_the_user_can_mend_is_told(bench: Workbench, words: list[str], told: str) -> None:
    bench.run_unjudged()

    ended = bench.main(["reproduce", *words])

    assert ended.status == 2
    assert told in ended.err
    assert not ended.has_traceback


def test_nothing_of_a_stored_run_is_handed_to_hydra(
    bench: Workbench, cut_off: CutOff, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.run()
    cut_off()

    def refuse(*_args: Any, **_kwargs: Any) -> None:
        raise AssertionError("Hydra was called")

    for name in ("hydra.compose", "hydra.initialize_config_dir", "omegaconf.OmegaConf.create"):
        monkeypatch.setattr(name, refuse)

    assert_identical(bench.main(["reproduce", "runs/one"]), bench.out)

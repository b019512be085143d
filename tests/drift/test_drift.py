"""`distill drift`: canaries in a run, and the teacher asked again."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from fake_api import Message, Script, Status
from workbench import QUESTIONS, Ended, Workbench

from distill.config import compose
from distill.drift.draw import FOLDER, UNFINISHED
from distill.drift.moved import excerpts
from distill.identity import config_sha256

COUNT = 5
SAMPLES = 5
CANARIES = (f"drift.questions={COUNT}",)
LABELS = "task.labels=[short,long]"
USUAL = ("plainly", "often", "seldom", "water", "stone", "light", "heavy", "slow")
OTHER = ("plainly", "often", "seldom", "quantum", "banana", "chalk", "whistle", "glass")


def speaking(words: tuple[str, ...], seed: int) -> Script:
    """Return a random teacher: each reply to a question is another draw of the words."""

    def answer(prompt: str, body: Mapping[str, Any], attempt: int) -> str:
        del body
        drawn = random.Random(f"{seed} {prompt} {attempt}")
        return " ".join(drawn.choices(words, k=40))

    return answer


def saying(labels: Callable[[random.Random], str], seed: int) -> Script:
    """Return a random teacher that names a label."""

    def answer(prompt: str, body: Mapping[str, Any], attempt: int) -> str:
        del body
        return json.dumps({"label": labels(random.Random(f"{seed} {prompt} {attempt}"))})

    return answer


def with_canaries(bench: Workbench, *words: str) -> None:
    bench.api.teacher = speaking(USUAL, 1)
    ended = bench.run_unjudged(*CANARIES, *words)
    assert ended.status == 0, ended.err
    bench.api.forget()


def drift(bench: Workbench, *words: str) -> Ended:
    return bench.main(["drift", "runs/one", f"teacher.base_url={bench.api.url}", *words])


def folder(bench: Workbench) -> Path:
    return bench.folder / FOLDER / bench.manifest["run_id"]


def records(bench: Workbench) -> list[Path]:
    return [path for path in sorted(folder(bench).glob("*.json")) if path.name != UNFINISHED]


def test_a_run_keeps_what_its_teacher_says_to_the_canaries(bench: Workbench) -> None:
    with_canaries(bench)

    canaries = pl.read_parquet(bench.out / "canaries.parquet")
    assert canaries["question"].n_unique() == COUNT
    assert set(canaries["question"]) < set(QUESTIONS)
    assert canaries.height == COUNT * SAMPLES
    assert canaries["text"].n_unique() == COUNT * SAMPLES
    used = pl.read_parquet(bench.out / "responses.parquet")["key"]
    assert set(canaries["request_key"]) < set(used)
    counts = {"questions": COUNT, "samples": SAMPLES, "replies": COUNT * SAMPLES, "failed": 0}
    assert bench.manifest["canaries"] == counts
    assert bench.manifest["teacher"]["requests"] == len(QUESTIONS) + COUNT * SAMPLES
    assert "canaries.parquet" in bench.manifest["files"]


def test_the_dataset_is_that_of_the_same_run_without_canaries(bench: Workbench) -> None:
    with_canaries(bench)
    watched = bench.manifest
    table = bench.table
    bench.run_unjudged()

    assert bench.manifest["dataset_sha256"] == watched["dataset_sha256"]
    assert bench.manifest["config_sha256"] == watched["config_sha256"]
    assert bench.table.equals(table)
    assert not (bench.out / "canaries.parquet").exists()
    assert "canaries" not in bench.manifest
    assert bench.manifest["teacher"]["cached"] == len(QUESTIONS)


def test_a_repeated_run_pays_for_its_canaries_once(bench: Workbench) -> None:
    with_canaries(bench)
    before = pl.read_parquet(bench.out / "canaries.parquet")
    bench.run_unjudged(*CANARIES)

    assert bench.api.count() == 0
    assert pl.read_parquet(bench.out / "canaries.parquet").equals(before)


def test_canaries_shape_no_dataset() -> None:
    config = compose(["seeds.path=seeds.jsonl"])

    assert config_sha256(config | {"drift": {"questions": 20, "samples": 9}}) == config_sha256(
        {key: value for key, value in config.items() if key != "drift"}
    )


def test_the_budget_counts_canaries(bench: Workbench) -> None:
    bench.api.teacher = lambda *_: Message("word " * 20, input_tokens=100, output_tokens=1000)
    ended = bench.run_unjudged(*CANARIES, "budget.max_usd=0.22", "teacher.concurrency=1")

    assert ended.status == 2
    assert "budget.max_usd: " in ended.err
    assert bench.api.count("teacher") > len(QUESTIONS)
    assert not bench.out.exists()


def test_a_question_that_stands_twice_among_the_seeds_is_one_canary(bench: Workbench) -> None:
    bench.write("seeds.jsonl", [{"id": name, "question": QUESTIONS[0]} for name in ("a", "b")])
    bench.run_unjudged("drift.questions=2")

    assert bench.manifest["canaries"]["questions"] == 1


def test_canaries_that_failed_are_left_out_and_counted(bench: Workbench) -> None:
    def failing(prompt: str, body: Mapping[str, Any], attempt: int) -> Any:
        if QUESTIONS[0] in prompt and attempt in {1, 2}:
            return Status(400, "no", "invalid_request_error")
        return speaking(USUAL, 1)(prompt, body, attempt)

    bench.api.teacher = failing
    bench.run_unjudged("drift.questions=6")

    assert bench.manifest["canaries"]["failed"] == 2
    assert bench.manifest["canaries"]["replies"] == len(QUESTIONS) * SAMPLES - 2
    bench.api.teacher = speaking(USUAL, 2)
    assert drift(bench).status == 0


@pytest.mark.parametrize(
    "override", ["drift.questions=-1", "drift.questions=1001", "drift.samples=1", "drift.smples=3"]
)
def test_settings_out_of_range_are_told_before_anything_is_asked(
    bench: Workbench, override: str
) -> None:
    ended = bench.run(override)

    assert ended.status == 2
    assert override.partition("=")[0] in ended.err
    assert bench.api.count() == 0


def test_a_teacher_that_answers_as_it_did_has_not_drifted(bench: Workbench) -> None:
    with_canaries(bench)
    before = bench.files(bench.out)
    bench.api.teacher = speaking(USUAL, 2)

    ended = drift(bench)

    assert ended.status == 0, ended.out + ended.err
    assert "No drift found" in ended.out
    assert "less than 10 questions with 5 samples" in " ".join(ended.out.split())
    assert "Changed most" not in ended.out
    assert bench.api.count("teacher") == COUNT * SAMPLES
    assert bench.files(bench.out) == before


def test_a_teacher_that_answers_otherwise_has_drifted_and_the_answers_are_shown(
    bench: Workbench,
) -> None:
    with_canaries(bench)
    bench.api.teacher = speaking(OTHER, 2)

    ended = drift(bench)

    assert ended.status == 1, ended.err
    assert "Drift: claude-opus-4-5-20251101 does not answer as it did (answers" in ended.out
    assert "Changed most" in ended.out
    assert "\n  then  " in ended.out
    assert "\n  now   " in ended.out
    assert "banana" in ended.out or "quantum" in ended.out or "chalk" in ended.out
    assert ended.err == ""


def test_as_much_of_both_answers_is_shown_as_tells_what_moved() -> None:
    shared = "The same words begin both. " * 40
    then, now = excerpts(f"{shared}Then {'a ' * 400}#### 4", f"{shared}Now {'b ' * 400}#### 17")

    for text, middle, final in ((then, "Then a a", "#### 4"), (now, "Now b b", "#### 17")):
        assert text.startswith("…")
        assert 0 < text.index(middle) <= 80
        assert text.endswith(final)
        assert " … " in text
        assert 400 < len(text) + 10 < 420
    assert excerpts("Yes,\n it is.\x1b", "No.") == ("Yes, it is.␛", "No.")
    alike = shared[:200]
    assert excerpts(f"{alike}a", f"{alike}b") == (f"{alike}a", f"{alike}b")
    unbroken = "あ" * 900
    assert excerpts(f"{unbroken}え", f"{unbroken}い")[0] == f"…{'あ' * 60}え"


def test_one_object_tells_a_program_the_same(bench: Workbench) -> None:
    with_canaries(bench)
    bench.api.teacher = speaking(OTHER, 2)

    ended = drift(bench, "--json")

    assert ended.status == 1
    told = json.loads(ended.out)
    assert told["drift"] is True
    assert told["p_value"] <= 0.05
    assert told["questions"] == COUNT
    assert {shift["name"] for shift in told["shifts"]} == {"answers", "length"}
    assert sum(told["changed"][0]["now"].values()) == SAMPLES
    assert told["teacher"]["requests"] == COUNT * SAMPLES
    assert [json.loads(path.read_text()) for path in records(bench)] == [told]


def test_another_served_id_is_drift_by_itself(bench: Workbench) -> None:
    with_canaries(bench)
    same = speaking(USUAL, 2)
    bench.api.teacher = lambda *asked: Message(same(*asked), model="claude-opus-4-5-20990101")

    ended = drift(bench)

    assert ended.status == 1
    told = " ".join(ended.out.split())
    assert "claude-opus-4-5-20990101 answered, an id that the run did not see" in told
    assert "The answers themselves are not shown to have moved." in told


def test_a_teacher_that_refuses_has_drifted(bench: Workbench) -> None:
    with_canaries(bench)
    bench.api.teacher = lambda *_: Message("", stop_reason="refusal")

    ended = drift(bench)

    assert ended.status == 1
    assert "stop reasons" in ended.out


def test_one_changed_answer_of_a_constant_teacher_is_drift(bench: Workbench) -> None:
    bench.api.teacher = lambda prompt, *_: f"The answer to {prompt} is plain."
    bench.run_unjudged("drift.questions=6")
    bench.api.teacher = lambda prompt, *_: (
        f"The answer to {prompt} is {'dark' if QUESTIONS[1] in prompt else 'plain'}."
    )

    ended = drift(bench)

    assert ended.status == 1, ended.out
    assert "now 1 of 6 questions have a reply that it never gave" in " ".join(ended.out.split())


def test_a_constant_teacher_that_stays_so_has_not_drifted(bench: Workbench) -> None:
    bench.api.teacher = lambda prompt, *_: f"The answer to {prompt} is plain."
    bench.run_unjudged(*CANARIES)

    ended = drift(bench)

    assert ended.status == 0
    assert "all replies to each question are the same, then and now" in ended.out


def test_votes_for_labels_are_compared_by_label(bench: Workbench) -> None:
    mostly = saying(lambda rng: "short" if rng.random() < 0.9 else "long", 1)
    bench.api.teacher = mostly
    bench.run_unjudged("task=classify", LABELS, "drift.questions=6", "teacher.samples=3")
    assert bench.manifest["canaries"]["replies"] == len(QUESTIONS) * SAMPLES
    bench.api.teacher = saying(lambda rng: "short" if rng.random() < 0.1 else "long", 2)

    ended = drift(bench)

    assert ended.status == 1, ended.out
    assert "long × " in ended.out
    assert "length" not in ended.out


def test_final_numbers_are_compared_beside_the_words(bench: Workbench) -> None:
    def counting(numbers: tuple[int, ...], seed: int) -> Script:
        def answer(prompt: str, body: Mapping[str, Any], attempt: int) -> str:
            number = random.Random(f"{seed} {prompt} {attempt}").choice(numbers)
            return f"Count them one by one. #### {number}"

        return answer

    bench.api.teacher = counting((4, 4, 4, 5), 1)
    bench.run_unjudged("task=math", "drift.questions=6")
    bench.api.teacher = counting((7, 7, 7, 8), 2)

    ended = drift(bench)

    assert ended.status == 1
    assert "final numbers" in ended.out


def test_a_check_that_was_stopped_pays_once_and_the_next_check_is_a_new_draw(
    bench: Workbench,
) -> None:
    with_canaries(bench)
    usual = speaking(USUAL, 2)
    bench.api.teacher = lambda *asked: Message(usual(*asked), input_tokens=100, output_tokens=1000)
    stopped = drift(bench, "budget.max_usd=0.2", "teacher.concurrency=1")
    paid = bench.api.count("teacher")
    assert stopped.status == 2
    assert 0 < paid < COUNT * SAMPLES
    assert (folder(bench) / UNFINISHED).exists()

    ended = drift(bench)

    assert ended.status == 0, ended.err
    assert bench.api.count("teacher") == COUNT * SAMPLES
    assert f"{paid} more were paid for before" in ended.out
    bench.api.forget()
    assert drift(bench).status in {0, 1}
    assert bench.api.count("teacher") == COUNT * SAMPLES
    assert len(records(bench)) == 2
    assert not (folder(bench) / UNFINISHED).exists()


def test_a_killed_check_goes_on(bench: Workbench) -> None:
    with_canaries(bench)
    bench.api.teacher = speaking(USUAL, 2)
    url = f"teacher.base_url={bench.api.url}"
    with bench.start(["drift", "runs/one", url, "teacher.concurrency=1"]) as process:
        bench.api.wait_for("teacher", 10, unless=process.poll)
        process.kill()
        process.communicate()

    ended = drift(bench)

    assert ended.status in {0, 1}, ended.err  # one unchanged teacher of twenty is called changed
    # The one in flight may be asked for once more.
    assert bench.api.count("teacher") <= COUNT * SAMPLES + 1


def test_what_was_cut_off_days_ago_says_nothing_of_now(bench: Workbench) -> None:
    with_canaries(bench)
    bench.api.teacher = lambda *_: Status(401, "no", "authentication_error")
    assert drift(bench).status == 1
    marker = folder(bench) / UNFINISHED
    told = json.loads(marker.read_text())
    bench.api.teacher = speaking(USUAL, 2)
    drift(bench)
    assert str((told["first_sample"] - 2_000_000) // 1000) in records(bench)[0].name

    marker.write_text(json.dumps(told | {"started_at": "2020-01-01T00:00:00Z"}))
    bench.api.forget()
    drift(bench)
    assert bench.api.count("teacher") == COUNT * SAMPLES


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"first_sample": 5, "started_at": "2099-01-01T00:00:00Z"}']
)
def test_a_damaged_marker_is_put_away(bench: Workbench, text: str) -> None:
    with_canaries(bench)
    folder(bench).mkdir(parents=True)
    (folder(bench) / UNFINISHED).write_text(text)

    assert drift(bench).status in {0, 1}
    assert bench.api.count("teacher") == COUNT * SAMPLES


def test_a_named_ledger_keeps_the_fresh_replies(bench: Workbench) -> None:
    with_canaries(bench)
    drift(bench, "ledger.url=ledger.db")
    drift(bench, "ledger.url=ledger.db")

    assert bench.api.count("teacher") == 2 * COUNT * SAMPLES
    assert not (folder(bench) / "ledger.db").exists()


def test_the_latest_run_with_canaries_is_taken_where_none_is_named(bench: Workbench) -> None:
    with_canaries(bench, "paths.out=outputs/a/watched")
    bench.run_unjudged("paths.out=outputs/a/later")
    bench.api.forget()

    ended = bench.main(["drift", f"teacher.base_url={bench.api.url}"])

    assert ended.status in {0, 1}, ended.err
    assert bench.api.count("teacher") == COUNT * SAMPLES


def test_a_run_without_canaries_says_how_to_get_some(bench: Workbench) -> None:
    bench.run_unjudged()

    for words in ([], ["runs/one"]):
        ended = bench.main(["drift", *words])
        assert ended.status == 2
        assert "drift.questions=20" in ended.err


@pytest.mark.parametrize("key", ["paths.out=x", "seeds.path=x", "teacher.base_url"])
def test_overrides_that_mean_nothing_here_are_told(bench: Workbench, key: str) -> None:
    with_canaries(bench)

    ended = bench.main(["drift", "runs/one", key])

    assert ended.status == 2
    assert key.partition("=")[0] in ended.err


def test_so_few_canaries_that_nothing_can_be_shown_are_called_that(bench: Workbench) -> None:
    bench.api.teacher = speaking(USUAL, 1)
    bench.run_unjudged("drift.questions=1", "drift.samples=2")
    bench.api.teacher = speaking(OTHER, 2)

    ended = drift(bench)

    assert ended.status == 0
    assert "with so few replies none could have been" in " ".join(ended.out.split())


def test_a_run_with_canaries_rebuilds(bench: Workbench) -> None:
    with_canaries(bench)

    ended = bench.main(["reproduce", "runs/one"])

    assert ended.status == 0, ended.out
    assert bench.api.count() == 0


def test_an_endpoint_that_only_the_config_names_is_not_asked(bench: Workbench) -> None:
    with_canaries(bench)

    ended = bench.main(["drift", "runs/one"])

    assert ended.status == 2
    assert "teacher.base_url: the run asked an endpoint of its own" in ended.err
    assert bench.api.count() == 0


def vouch(run: Path) -> None:
    """Make the manifest say that the run left its files as they are."""
    path = run / "manifest.json"
    manifest = json.loads(path.read_text())
    for name in ("canaries.parquet", "config.yaml"):
        manifest["files"][name] = hashlib.sha256((run / name).read_bytes()).hexdigest()
    path.write_text(json.dumps(manifest))


def edit_config(run: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = run / "config.yaml"
    config = yaml.safe_load(path.read_text())
    change(config)
    path.write_text(yaml.safe_dump(config))
    vouch(run)


def bigger(frame: pl.DataFrame) -> pl.DataFrame:
    named = (pl.format("{} {}", "question", pl.lit(i)).alias("question") for i in range(50))
    rows = [frame.with_columns(one) for one in named]
    return pl.concat(rows)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(bigger, "more questions or samples", id="a file that asks for much"),
        pytest.param(
            lambda f: f.with_columns(sample=f["sample"] + 99), "more questions", id="samples"
        ),
        pytest.param(lambda f: pl.concat([f, f]), "stands in two rows", id="rows twice"),
        pytest.param(lambda f: f.drop("text"), "it has no column text", id="a column gone"),
        pytest.param(
            lambda f: f.with_columns(text=pl.lit(None, pl.String)), "has no text", id="null"
        ),
        pytest.param(
            lambda f: f.with_columns(label_probs=pl.lit([0.5, 0.5])), "no distribution", id="labels"
        ),
        pytest.param(lambda f: f.clear(), "so there is nothing", id="empty"),
    ],
)
def test_hostile_canaries_are_refused_before_anything_is_asked(
    bench: Workbench, change: Callable[[pl.DataFrame], pl.DataFrame], told: str
) -> None:
    with_canaries(bench)
    path = bench.out / "canaries.parquet"
    change(pl.read_parquet(path)).write_parquet(path)
    vouch(bench.out)

    ended = drift(bench)

    assert ended.status in {1, 2}
    assert told in ended.err
    assert not ended.has_traceback
    assert bench.api.count() == 0


@pytest.mark.parametrize("data", [b"", b"PAR1", b"not parquet at all"])
def test_canaries_that_are_not_those_of_the_run_are_refused(bench: Workbench, data: bytes) -> None:
    with_canaries(bench)
    (bench.out / "canaries.parquet").write_bytes(data)

    assert "not the file that the run left" in drift(bench).err
    vouch(bench.out)
    ended = drift(bench)
    assert "canaries.parquet: damaged" in ended.err
    assert ended.status == 1
    assert bench.api.count() == 0


@pytest.mark.parametrize(
    "node",
    [
        None,
        7,
        {"questions": 10**9, "samples": 5},
        {"questions": 5},
        {"questions": "5", "samples": 5},
    ],
)
def test_a_stored_node_that_no_run_saves_is_refused(bench: Workbench, node: Any) -> None:
    with_canaries(bench)
    edit_config(bench.out, lambda config: config.update(drift=node))

    ended = drift(bench)

    assert ended.status == 2
    assert "drift: " in ended.err
    assert not ended.has_traceback
    assert bench.api.count() == 0


def test_control_codes_of_replies_do_not_reach_the_terminal(bench: Workbench) -> None:
    with_canaries(bench)
    bench.api.teacher = lambda *_: "\x1b[2J\x1b]0;owned\x07 gone " * 20

    ended = drift(bench)

    assert ended.status == 1
    assert "\x1b[2J" not in ended.out
    assert "\x07" not in ended.out


def test_the_result_is_noted_with_the_tracked_run(bench: Workbench) -> None:
    from distill.tracking.store import connected

    uri = "sqlite:///store/mlflow.db"
    with_canaries(bench, "tracking=mlflow", f"tracking.uri={uri}")
    run_id = bench.manifest["run_id"]
    bench.api.teacher = speaking(OTHER, 2)

    ended = bench.main(
        ["drift", run_id, f"tracking.uri={uri}", f"teacher.base_url={bench.api.url}"]
    )

    assert ended.status == 1, ended.err
    assert ended.err == ""
    with connected(uri, timeout_s=10, retries=0) as client:
        run = client.get_run(run_id)
        files = {file.path for file in client.list_artifacts(run_id)}
    assert run.data.metrics["drift/found"] == 1
    assert run.data.metrics["drift/p_value"] <= 0.05
    assert run.data.tags["distill.drift"] == "drift"
    assert run.data.tags["distill.drift.checked_at"] != ""
    assert "canaries.parquet" in files


def test_a_store_that_does_not_know_the_run_costs_a_warning(bench: Workbench) -> None:
    with_canaries(bench)

    words = [f"teacher.base_url={bench.api.url}", "tracking.uri=sqlite:///store/mlflow.db"]
    ended = bench.process(["drift", "runs/one", *words])

    assert ended.status in {0, 1}
    assert "does not know the run" in ended.err
    assert len(records(bench)) == 1

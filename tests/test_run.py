"""The pipeline end to end over HTTP, where all goes well."""

from __future__ import annotations

import hashlib
import json

import polars as pl
import pytest
from fake_api import Message, good_answer
from workbench import KEY, QUESTIONS, Workbench

TEACHER = "claude-opus-4-5-20251101"
JUDGE = "claude-sonnet-4-6"
FILES = {
    "dataset.jsonl",
    "rejected.jsonl",
    "examples.parquet",
    "responses.parquet",
    "manifest.json",
    "README.md",
    "croissant.json",
    "report.html",
    "config.yaml",
    "figures/funnel.png",
    "figures/scores.png",
}


def test_a_run_leaves_the_files_of_the_design_and_no_others(bench: Workbench) -> None:
    ended = bench.run()

    assert ended.status == 0, ended.err
    assert set(bench.files(bench.out)) == FILES
    assert {path.name for path in bench.folder.iterdir()} == {"seeds.jsonl", "ledger.db", "runs"}
    assert not ended.has_traceback


def test_the_same_run_works_as_a_process_of_its_own(bench: Workbench) -> None:
    ended = bench.process(bench.with_judge())

    assert ended.status == 0, ended.err
    assert set(bench.files(bench.out)) == FILES
    assert bench.manifest["rows"] == len(QUESTIONS)


def test_the_manifest_holds_the_figures_of_the_design(bench: Workbench) -> None:
    bench.run()

    manifest, n = bench.manifest, len(QUESTIONS)
    assert manifest["run_id"]
    assert len(manifest["config_sha256"]) == 64
    assert manifest["rows"] == n
    assert manifest["teacher"] | {"input_tokens": 0, "output_tokens": 0, "cost_usd": 0} == {
        "model": TEACHER,
        "served": [TEACHER],
        "requests": n,
        "cached": 0,
        "failed": 0,
        "input_tokens": 0,
        "output_tokens": 0,
        "cost_usd": 0,
    }
    judge = manifest["judge"]
    assert (judge["model"], judge["served"]) == (JUDGE, [JUDGE])
    assert (judge["requests"], judge["cached"], judge["unscored"]) == (n, 0, 0)
    stages = ("seeds", "generated", "filtered", "judged", "selected")
    assert manifest["funnel"] == dict.fromkeys(stages, n)
    assert manifest["rejected"]["filter/min_words"] == 0
    assert manifest["rejected"]["judge/below_threshold"] == 0
    names = {"mean_vocab_size", "length_std_dev", "top_bigram_frequency", "distinct_2"}
    assert set(manifest["diversity"]) == names
    assert manifest["guards"]["contamination"] == "pass"
    assert manifest["verdict"] == "inconclusive"
    assert "eval" not in manifest


def test_costs_are_tokens_times_the_listed_price(bench: Workbench) -> None:
    bench.api.teacher = lambda prompt, body, attempt: Message(
        good_answer(prompt, body, attempt), input_tokens=1000, output_tokens=200
    )
    bench.run_unjudged()

    teacher = bench.manifest["teacher"]
    assert (teacher["input_tokens"], teacher["output_tokens"]) == (6000, 1200)
    assert teacher["cost_usd"] == pytest.approx((6000 * 5 + 1200 * 25) / 1e6)


def test_an_unknown_price_is_null_and_never_a_guess(bench: Workbench) -> None:
    ended = bench.run_unjudged("teacher.model=claude-fable-5")

    assert ended.status == 0, ended.err
    assert bench.manifest["teacher"]["cost_usd"] is None


def test_the_dataset_is_chat_lines_in_the_order_of_the_seeds(bench: Workbench) -> None:
    bench.run("export.system=Be exact.")

    data = (bench.out / "dataset.jsonl").read_bytes()
    assert hashlib.sha256(data).hexdigest() == bench.manifest["dataset_sha256"]
    assert data.endswith(b"}\n")
    assert b"\r" not in data
    rows = bench.lines("dataset.jsonl")
    assert [row["messages"][1]["content"] for row in rows] == list(QUESTIONS)
    assert all(set(row) == {"messages"} for row in rows)
    roles = [turn["role"] for turn in rows[0]["messages"]]
    assert roles == ["system", "user", "assistant"]


def test_text_outside_ascii_stays_readable_in_every_file(bench: Workbench) -> None:
    bench.write("seeds.jsonl", [{"id": "ü1", "question": "Où naît le Rhône – und weiß man’s? 雪"}])
    bench.api.teacher = lambda *_: "Größe 雪 " * 30
    bench.run_unjudged()

    text = (bench.out / "dataset.jsonl").read_text(encoding="utf-8")
    assert "Où naît le Rhône – und weiß man’s? 雪" in text
    assert "Größe 雪" in text


def test_a_second_run_makes_no_request_and_gives_the_same_dataset(bench: Workbench) -> None:
    bench.run()
    first = bench.manifest
    bench.api.forget()

    ended = bench.run("paths.out=runs/two")

    second = json.loads((bench.folder / "runs/two/manifest.json").read_text())
    assert ended.status == 0
    assert bench.api.count() == 0
    assert second["dataset_sha256"] == first["dataset_sha256"]
    assert second["config_sha256"] == first["config_sha256"]
    assert second["teacher"]["requests"] == second["judge"]["requests"] == 0
    assert second["teacher"]["cached"] == second["judge"]["cached"] == len(QUESTIONS)
    assert second["teacher"]["cost_usd"] == 0
    assert second["teacher"]["served"] == [TEACHER]
    files = ("dataset.jsonl", "rejected.jsonl", "examples.parquet", "responses.parquet")
    one, two = bench.files(bench.out), bench.files(bench.folder / "runs/two")
    assert {name: one[name] for name in files} == {name: two[name] for name in files}


def test_the_dataset_does_not_depend_on_concurrency(bench: Workbench) -> None:
    questions = [f"Question number {i} about mountains and valleys?" for i in range(30)]
    bench.write("seeds.jsonl", [{"question": question} for question in questions])
    digests = set()
    for concurrency in (1, 16):
        bench.api.forget()
        ended = bench.run(
            f"teacher.concurrency={concurrency}",
            f"judge.concurrency={concurrency}",
            f"ledger.url=ledger-{concurrency}.db",
            f"paths.out=runs/{concurrency}",
        )
        assert ended.status == 0, ended.err
        assert bench.api.max_in_flight <= concurrency
        assert bench.api.count("teacher", "judge") == 60
        manifest = json.loads((bench.folder / f"runs/{concurrency}/manifest.json").read_text())
        digests.add(manifest["dataset_sha256"])
    assert len(digests) == 1


def test_equal_questions_are_paid_for_once(bench: Workbench) -> None:
    rows = [{"id": f"twin{i}", "question": QUESTIONS[0]} for i in range(3)]
    bench.write("seeds.jsonl", rows)
    bench.run()

    assert bench.api.count("teacher") == bench.api.count("judge") == 1
    assert bench.manifest["rows"] == 3


def test_every_sample_is_a_request_and_a_row_of_its_own(bench: Workbench) -> None:
    bench.api.teacher = lambda prompt, body, attempt: f"answer {attempt} to it"
    ended = bench.run_unjudged("teacher.samples=3", "teacher.concurrency=1")

    assert ended.status == 0, ended.err
    assert bench.api.count("teacher") == 3 * len(QUESTIONS)
    rows = bench.table.filter(seed_id="s0").select("id", "sample", "answer").rows()
    assert [row[:2] for row in rows] == [("s0", 0), ("s0#1", 1), ("s0#2", 2)]
    assert sorted(row[2] for row in rows) == [f"answer {i} to it" for i in range(3)]
    assert bench.manifest["funnel"]["generated"] == 3 * len(QUESTIONS)


def test_more_samples_later_pay_only_for_the_new_ones(bench: Workbench) -> None:
    bench.run_unjudged()
    bench.api.forget()

    bench.run_unjudged("teacher.samples=2")

    assert bench.api.count("teacher") == len(QUESTIONS)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        pytest.param(Message("I will not.", stop_reason="refusal"), "refusal", id="refusal"),
        pytest.param(Message("", stop_reason="refusal"), "refusal", id="refusal without text"),
        pytest.param(Message("cut in mid", stop_reason="max_tokens"), "max_tokens", id="cut"),
        pytest.param(Message(""), "empty", id="no content"),
        pytest.param(Message(" \n "), "empty", id="white space"),
    ],
)
def test_a_reply_that_is_no_answer_falls_out_with_its_reason(
    bench: Workbench, reply: Message, reason: str
) -> None:
    bench.api.teacher = lambda prompt, body, attempt: (
        reply if QUESTIONS[0] in prompt else good_answer(prompt, body, attempt)
    )
    ended = bench.run()

    assert ended.status == 0, ended.err
    assert bench.reasons == {"s0": f"generate/{reason}"}
    assert bench.manifest["rejected"][f"generate/{reason}"] == 1
    assert bench.manifest["funnel"]["generated"] == len(QUESTIONS) - 1
    assert bench.api.count("judge") == len(QUESTIONS) - 1


def test_a_row_that_a_filter_drops_is_not_judged_and_keeps_its_answer(bench: Workbench) -> None:
    bench.api.teacher = lambda prompt, body, attempt: (
        "too short" if QUESTIONS[2] in prompt else good_answer(prompt, body, attempt)
    )
    bench.run()

    assert bench.api.count("judge") == len(QUESTIONS) - 1
    assert bench.lines("rejected.jsonl") == [
        {
            "id": "s2",
            "question": QUESTIONS[2],
            "answer": "too short",
            "stage": "filter",
            "reason": "min_words",
            "score": None,
            "detail": None,
        }
    ]
    assert bench.manifest["rejected"]["filter/min_words"] == 1


def test_no_row_vanishes(bench: Workbench) -> None:
    bench.api.teacher = lambda prompt, body, attempt: (
        "I don't know. " * 40 if QUESTIONS[1] in prompt else good_answer(prompt, body, attempt)
    )
    bench.api.grade = lambda prompt, body, attempt: 1 if "metals" in prompt else 5
    bench.run("select.max_rows=2")

    kept, fell = bench.lines("dataset.jsonl"), bench.lines("rejected.jsonl")
    assert len(kept) + len(fell) == bench.table.height == len(QUESTIONS)
    assert bench.reasons == {
        "s1": "filter/uncertainty",
        "s3": "judge/below_threshold",
        "s4": "select/over_max_rows",
        "s5": "select/over_max_rows",
    }
    assert sum(bench.manifest["rejected"].values()) == len(fell)


def test_what_is_sent_carries_no_sampling_parameters_and_the_key_only_in_its_header(
    bench: Workbench,
) -> None:
    bench.run()

    posts = [seen for seen in bench.api.seen if seen.kind != "model"]
    assert len(posts) == 2 * len(QUESTIONS)
    for seen in posts:
        assert seen.path == "/v1/messages"
        assert not {"temperature", "top_p", "top_k"} & set(seen.body)
        lowered = {name.lower(): value for name, value in seen.headers.items()}
        assert lowered["authorization"] == f"Bearer {KEY}"
        assert "anthropic-version" in lowered
        assert KEY.encode() not in seen.raw
    assert all(body["max_tokens"] == 1024 for body in bench.api.bodies("teacher"))


def test_a_temperature_that_is_set_is_sent_zero_too(bench: Workbench) -> None:
    bench.run_unjudged("teacher.temperature=0")

    assert {body["temperature"] for body in bench.api.bodies("teacher")} == {0}


def test_the_responses_are_enough_to_rebuild_the_run(bench: Workbench) -> None:
    bench.run()

    responses = pl.read_parquet(bench.out / "responses.parquet")
    table = bench.table
    assert responses.height == 2 * len(QUESTIONS)
    assert set(responses["key"]) == set(table["request_key"]) | set(table["judge_key"])
    assert set(responses["served_model"]) == {TEACHER, JUDGE}
    assert all(json.loads(body)["usage"] for body in responses["body"])


def test_the_planted_key_stands_in_no_file(bench: Workbench) -> None:
    ended = bench.run("tracking=mlflow", "tracking.uri=sqlite:///mlflow.db")

    assert ended.status == 0, ended.err
    files = bench.files()
    assert any(name.startswith("mlflow.db") for name in files)
    assert [name for name, data in files.items() if KEY.encode() in data] == []
    assert KEY not in ended.out + ended.err


def test_a_password_in_the_ledger_url_is_not_saved(bench: Workbench) -> None:
    from distill.config import compose, to_yaml

    overrides = ["seeds.path=seeds.jsonl", "tracking=none"]
    for url in (
        "postgresql://me:s3cret@host/db",
        "postgresql+psycopg://me:s3cret%40x@host:5432/db",
        "postgresql://me@host/db?password=s3cret",
        "postgresql://:s3cret@host/db",
    ):
        saved = to_yaml(compose([*overrides, f"ledger.url='{url}'"]))
        assert "s3cret" not in saved, url
        assert "host" in saved


def test_a_password_with_an_at_sign_is_not_saved_in_part() -> None:
    from distill.config import without_secrets

    assert "word" not in without_secrets("postgresql://me:pass@word@host/db")
    assert "word" not in without_secrets("postgresql://me:pass/word@host/db")


def test_a_run_where_every_seed_is_a_real_example_asks_nobody(bench: Workbench) -> None:
    rows = [{"question": q, "answer": f"A human answer to it: {q}"} for q in QUESTIONS]
    bench.write("seeds.jsonl", rows)
    ended = bench.run("seeds.real_labels=null")

    assert ended.status == 0, ended.err
    assert bench.api.count() == 0
    assert bench.manifest["real_rows"] == bench.manifest["rows"] == len(QUESTIONS)
    assert pl.read_parquet(bench.out / "responses.parquet").is_empty()


def test_real_examples_are_neither_sent_nor_filtered_nor_judged(bench: Workbench) -> None:
    rows = [{"id": f"s{i}", "question": q, "answer": "short"} for i, q in enumerate(QUESTIONS)]
    bench.write("seeds.jsonl", rows)
    ended = bench.run("seeds.real_labels=2", "select.max_rows=1")

    assert ended.status == 0, ended.err
    real = bench.table.filter(source="real")
    assert real.height == 2
    assert set(real["answer"]) == {"short"}
    assert bench.api.count("teacher") == len(QUESTIONS) - 2
    assert not any(q in p for q in real["question"] for p in bench.api.prompts("teacher"))
    assert bench.manifest["rows"] == 3


def test_a_run_of_which_nothing_is_kept_still_leaves_its_files(bench: Workbench) -> None:
    bench.api.grade = lambda *_: 1
    ended = bench.run()

    assert ended.status == 0, ended.err
    assert set(bench.files(bench.out)) == FILES
    assert (bench.out / "dataset.jsonl").read_bytes() == b""
    assert bench.manifest["rows"] == 0
    assert bench.manifest["diversity"] == {}


def test_the_saved_config_is_the_resolved_one(bench: Workbench) -> None:
    import yaml

    bench.run("judge.threshold=0.5")

    saved = yaml.safe_load((bench.out / "config.yaml").read_text(encoding="utf-8"))
    assert saved["judge"]["threshold"] == 0.5
    assert saved["judge"]["via"]["model"] == JUDGE
    assert saved["teacher"]["base_url"] == bench.api.url


def test_completion_lines_are_prompt_and_completion(bench: Workbench) -> None:
    bench.run("export=completion")

    rows = bench.lines("dataset.jsonl")
    assert [row["prompt"] for row in rows] == list(QUESTIONS)
    assert all(set(row) == {"prompt", "completion"} for row in rows)


def test_an_earlier_run_in_the_folder_is_replaced_whole(bench: Workbench) -> None:
    bench.run()
    old = bench.manifest["dataset_sha256"]
    (bench.out / "notes.txt").write_text("mine")
    (bench.out / "student").mkdir()
    (bench.out / "student" / "model.skops").write_text("of the earlier run")

    bench.run("export.system=Another dataset.")

    assert set(bench.files(bench.out)) == FILES | {"notes.txt"}
    assert (bench.out / "notes.txt").read_text() == "mine"
    data = (bench.out / "dataset.jsonl").read_bytes()
    assert hashlib.sha256(data).hexdigest() == bench.manifest["dataset_sha256"] != old


def test_a_folder_without_a_run_keeps_its_files(bench: Workbench) -> None:
    bench.out.mkdir(parents=True)
    (bench.out / "README.md").write_text("my own project")
    (bench.out / "student").mkdir()
    (bench.out / "student" / "thesis.txt").write_text("years of work")

    ended = bench.run()

    assert (bench.out / "README.md").read_text() == "my own project"
    assert (bench.out / "student" / "thesis.txt").read_text() == "years of work"
    assert ended.status == 2
    assert bench.api.count() == 0


def test_an_sdk_is_not_imported_where_the_ledger_answers_everything(bench: Workbench) -> None:
    bench.run()
    bench.api.forget()

    ended = bench.process(bench.with_judge(), "-X", "importtime")

    assert ended.status == 0
    assert bench.api.count() == 0
    imported = {line.rpartition("|")[2].strip() for line in ended.err.splitlines()}
    assert "distill.run" in imported
    heavy = {"anthropic", "openai", "mlflow", "sklearn", "torch", "xllamacpp", "aiohttp"}
    assert heavy & imported == set()
    llama = {name for name in imported if name.startswith("distill.models.llama.")}
    assert llama <= {"distill.models.llama.weights"}  # where they lie, and their digest
